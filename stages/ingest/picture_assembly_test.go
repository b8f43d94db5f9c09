package ingest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// TestPicturesUnderOneTime sends pictures in groups under one time, in every way in which a sender may do that: each
// is written whole, with a time of its own.
func TestPicturesUnderOneTime(t *testing.T) {
	aus := ingesttest.Frames264(24)
	sps, pps := ingesttest.CodedSets(false)
	require.Len(t, ingesttest.FrameHashes(t, "h264", ingesttest.Flat(append([][][]byte{{sps, pps}}, aus...))...), 24, "a decoder finds so many pictures")
	for name, tc := range map[string]struct {
		group  int
		marker func(au, nal int) bool // of the last packet of a NAL unit
	}{
		"pairs, a marker behind each picture": {2, func(_, nal int) bool { return nal == 1 }},
		"pairs, a marker behind the pair":     {2, func(au, nal int) bool { return au%2 == 1 && nal == 1 }},
		"pairs, no marker":                    {2, func(int, int) bool { return false }},
		"pairs, a marker behind each slice":   {2, func(int, int) bool { return true }},
		"three, a marker behind each picture": {3, func(_, nal int) bool { return nal == 1 }},
		"four, no marker":                     {4, func(int, int) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.Video(codec.H264, sps, pps)
			for i, au := range aus {
				for j, nal := range au {
					for _, p := range ingesttest.Packetize(t, codec.H264, [][]byte{nal}) {
						b.Send(v, uint32(i/tc.group*tc.group)*3600, p.Marker && tc.marker(i, j), p.Payload...)
					}
				}
			}
			v.Close()
			b.Feed.Close()
			require.Len(t, b.Publisher.Units, 24)
			for i, u := range b.Publisher.Units {
				require.Equal(t, ingesttest.HashOf(aus[i]), ingesttest.HashOf(u.NALs), "picture %d", i)
				require.Equal(t, int64(i)*3600, u.AU.PTS, "picture %d", i)
				require.Equal(t, u.AU.PTS, u.AU.DTS, "picture %d", i)
			}
			require.EqualValues(t, 24-24/tc.group, b.Publisher.Repairs[ingest.RepairedTime])
			require.Empty(t, b.Publisher.Losses)
		})
	}
}

// TestPicturesUnderOneTimeThatAreReordered stamps the pictures of real encoders in groups, in presentation order.
func TestPicturesUnderOneTimeThatAreReordered(t *testing.T) {
	for name, tc := range map[string]struct {
		codec media.Codec
		group int
		args  []string
	}{
		"h264 in pairs":             {codec.H264, 2, []string{"libx264", "-preset", "veryfast", "-bf", "3", "-x264-params", "aud=1:slices=3:keyint=12:b-pyramid=normal"}},
		"h264 in threes, open GOPs": {codec.H264, 3, []string{"libx264", "-preset", "veryfast", "-bf", "2", "-x264-params", "aud=1:keyint=12:open-gop=1"}},
		"h264 intra refresh":        {codec.H264, 2, []string{"libx264", "-preset", "veryfast", "-bf", "0", "-x264-params", "aud=1:keyint=12:intra-refresh=1"}},
		"h265 in pairs":             {codec.H265, 2, []string{"libx265", "-preset", "ultrafast", "-x265-params", "aud=1:bframes=3:keyint=12:log-level=error:slices=2"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := encode(t, tc.codec, tc.args...)
			b := newBench(t)
			v := b.Video(tc.codec)
			for i, au := range f.aus {
				for _, p := range ingesttest.Packetize(t, tc.codec, au) {
					b.Send(v, uint32(f.shown[i]/tc.group*tc.group)*3600, p.Marker, p.Payload...)
				}
			}
			b.Feed.Close()
			require.Len(t, b.Publisher.Units, len(f.aus))
			var stream [][]byte
			last := int64(-1 << 40)
			zero := b.Publisher.Units[0].AU.PTS
			for i, u := range b.Publisher.Units {
				require.Equal(t, int64(f.shown[i])*3600, u.AU.PTS-zero, "picture %d", i)
				require.Greater(t, u.AU.DTS, last)
				require.LessOrEqual(t, u.AU.DTS, u.AU.PTS)
				last = u.AU.DTS
				stream = append(stream, u.NALs...)
			}
			format := map[media.Codec]string{codec.H264: "h264", codec.H265: "hevc"}[tc.codec]
			sets := b.Publisher.Sets[0][0].ParameterSets
			require.Equal(t, ingesttest.FrameHashes(t, format, ingesttest.Flat(f.aus)...), ingesttest.FrameHashes(t, format, append(sets, stream...)...))
			require.EqualValues(t, len(f.aus)-len(f.aus)/tc.group, b.Publisher.Repairs[ingest.RepairedTime])
			require.Empty(t, b.Publisher.Losses)
		})
	}
}

// footage is the output of an encoder: access units in decoding order, and their presentation order.
type footage struct {
	aus   [][][]byte
	shown []int
}

func encode(t *testing.T, coding media.Codec, args ...string) (f footage) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "clip.mp4")
	ffmpeg(t, append([]string{"-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=2.4", "-pix_fmt", "yuv420p", "-video_track_timescale", "25", "-c:v"}, append(args, file)...)...)
	format := "h264"
	if coding == codec.H265 {
		format = "hevc"
	}
	ffmpeg(t, "-i", file, "-c", "copy", "-bsf:v", format+"_mp4toannexb", "-f", format, file+".es")
	es, err := os.ReadFile(file + ".es")
	require.NoError(t, err)
	u := &ingest.Unit{}
	u.Put(es)
	u.SplitStartCodes()
	sliced := true
	for _, nal := range u.NALUnits() {
		r := codec.Of(coding).NAL.Role(nal)
		if sliced && r != nalunit.RolePicture && r != nalunit.RoleKey {
			f.aus, sliced = append(f.aus, nil), false
		}
		sliced = sliced || r == nalunit.RolePicture || r == nalunit.RoleKey
		n := len(f.aus) - 1
		f.aus[n] = append(f.aus[n], nal)
	}
	out, err := exec.Command("ffprobe", "-v", "error", "-show_entries", "packet=pts", "-of", "csv=p=0", file).Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		var at int
		_, err := fmt.Sscan(strings.Trim(line, ",\n"), &at)
		require.NoError(t, err)
		f.shown = append(f.shown, at)
	}
	require.Len(t, f.shown, 60)
	require.Len(t, f.aus, 60)
	return f
}

func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error", "-y"}, args...)...).CombinedOutput()
	require.NoError(t, err, "ffmpeg %v\n%s", args, out)
}

func TestPairsThatBeginLater(t *testing.T) {
	aus := ingesttest.Frames264(40)
	sps, pps := ingesttest.CodedSets(false)
	for _, markers := range []bool{true, false} {
		b := newBench(t)
		v := b.Video(codec.H264, sps, pps)
		for i, au := range aus {
			at := i
			if i > 20 {
				at = i / 2 * 2
			}
			for _, p := range ingesttest.Packetize(t, codec.H264, au) {
				b.Send(v, uint32(at)*3600, p.Marker && (markers || i <= 20), p.Payload...)
			}
		}
		v.Close()
		b.Feed.Close()
		require.Empty(t, b.Publisher.Losses)
		require.Len(t, b.Publisher.Units, 40)
		for i, u := range b.Publisher.Units {
			require.Equal(t, ingesttest.HashOf(aus[i]), ingesttest.HashOf(u.NALs))
			require.Equal(t, int64(i)*3600, u.AU.PTS)
		}
		require.EqualValues(t, 10, b.Publisher.Repairs[ingest.RepairedTime])
	}
}

// TestAPauseBehindAPair checks that the second picture of a pair does not move into half of a pause.
func TestAPauseBehindAPair(t *testing.T) {
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	v := b.Video(codec.H264, sps, pps)
	for i, au := range ingesttest.Frames264(12) {
		at := uint32(i/2) * 7200
		if i >= 6 {
			at += 90000 * 5
		}
		for _, p := range ingesttest.Packetize(t, codec.H264, au) {
			b.Send(v, at, p.Marker, p.Payload...)
		}
	}
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 12)
	require.Equal(t, int64(5*3600), b.Publisher.Units[5].AU.PTS)
	require.Equal(t, int64(6*3600+90000*5), b.Publisher.Units[6].AU.PTS)
}

func TestOnePictureUnderTwoTimes(t *testing.T) {
	for _, tc := range []struct {
		codec media.Codec
		aus   [][][]byte
	}{{codec.H264, ingesttest.Frames264(20)}, {codec.H265, ingesttest.OddPictures(codec.H265, 20)}} {
		b := newBench(t)
		v := b.Of(tc.codec)
		for i, au := range tc.aus {
			for j, nal := range au {
				for _, p := range ingesttest.Packetize(t, tc.codec, [][]byte{nal}) {
					b.Send(v, uint32(i*3600+j*10), p.Marker, p.Payload...)
				}
			}
		}
		v.Close()
		b.Feed.Close()
		require.Empty(t, b.Publisher.Losses)
		require.Len(t, b.Publisher.Units, 20)
		for i, u := range b.Publisher.Units {
			require.Equal(t, ingesttest.HashOf(tc.aus[i]), ingesttest.HashOf(u.NALs))
			require.Equal(t, int64(i)*3600, u.AU.PTS)
		}
	}
}

// TestALossGluesNoPictures loses the end of one picture and the beginning of the next: the remaining parts form no
// picture.
func TestALossGluesNoPictures(t *testing.T) {
	for coding, aus := range map[media.Codec][][][]byte{codec.H264: ingesttest.Frames264(20), codec.H265: ingesttest.OddPictures(codec.H265, 20)} {
		for _, oneTime := range []bool{true, false} {
			b := newBench(t)
			v := b.Of(coding)
			for i, au := range aus {
				at := uint32(i) * 3600
				if oneTime {
					at = uint32(i/2*2) * 3600
				}
				for j, nal := range au {
					for _, p := range ingesttest.Packetize(t, coding, [][]byte{nal}) {
						if i == 14 && j == 1 || i == 15 && j == 0 {
							b.Seq[v]++
							continue
						}
						b.Send(v, at, p.Marker && j == 1, p.Payload...)
					}
				}
			}
			b.Feed.Close()
			require.Len(t, b.Publisher.Units, 18)
			require.EqualValues(t, 2, b.Publisher.Losses[media.DropDamaged])
			for i, u := range b.Publisher.Units {
				if i >= 14 {
					i += 2
				}
				require.Equal(t, ingesttest.HashOf(aus[i]), ingesttest.HashOf(u.NALs))
			}
		}
	}
}

// The first macroblock is sent in a redundant slice, too, and slices in any order. Two pictures with equal headers have
// it twice.
func TestTheFirstMacroblockAloneBeginsNoPicture(t *testing.T) {
	sps, pps := ingesttest.CodedSets(false)
	for name, tc := range map[string]struct {
		slices   []ingesttest.Coded
		pictures []int // slices in each
	}{
		"redundant slices":               {[]ingesttest.Coded{{Kind: 5, Count: 2}, {Kind: 5, Count: 2, Redundant: 1}, {Kind: 5, First: 2}, {Kind: 5, First: 2, Redundant: 1}}, []int{4}},
		"any order":                      {[]ingesttest.Coded{{Kind: 5, First: 2}, {Kind: 5, Count: 2}}, []int{2}},
		"IDR pictures of one idr_pic_id": {[]ingesttest.Coded{{Kind: 5}, {Kind: 5}}, []int{1, 1}},
		"another idr_pic_id":             {[]ingesttest.Coded{{Kind: 5}, {Kind: 5, IDRID: 1, First: 2}, {Kind: 5, IDRID: 1}}, []int{1, 2}},
		"another frame_num":              {[]ingesttest.Coded{{Kind: 1, FrameNum: 1}, {Kind: 1, FrameNum: 2, First: 2}, {Kind: 1, FrameNum: 2}}, []int{1, 2}},
		"another order count":            {[]ingesttest.Coded{{Kind: 1, FrameNum: 1, POC: 2}, {Kind: 1, FrameNum: 1, POC: 4, First: 2}, {Kind: 1, FrameNum: 1, POC: 4}}, []int{1, 2}},
		"a reference and none":           {[]ingesttest.Coded{{Kind: 1, Ref: true, FrameNum: 1}, {Kind: 1, FrameNum: 1, First: 2}, {Kind: 1, FrameNum: 1}}, []int{1, 2}},
		"an IDR picture and none":        {[]ingesttest.Coded{{Kind: 5}, {Kind: 1, Ref: true, First: 2}, {Kind: 1, Ref: true}}, []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.Video(codec.H264, sps, pps)
			b.Send(v, 0, true, ingesttest.Coded{Kind: 5, IDRID: 7}.NAL(false)[:40]...)
			for _, c := range tc.slices {
				b.Send(v, 3600, false, c.NAL(false)[:40]...)
			}
			b.Send(v, 7200, true, ingesttest.Coded{Kind: 5, IDRID: 7}.NAL(false)[:40]...)
			b.Feed.Close()
			require.Empty(t, b.Publisher.Losses)
			var got []int
			for _, u := range b.Publisher.Units[1 : len(b.Publisher.Units)-1] {
				got = append(got, len(u.NALs))
			}
			require.Equal(t, tc.pictures, got)
		})
	}
}

// TestAClockThatStandsStill checks that pictures are held no longer than necessary, and placed by their arrival.
func TestAClockThatStandsStill(t *testing.T) {
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	v := b.Video(codec.H264, sps, pps)
	for i := range 500 {
		b.Send(v, 3600, true, ingesttest.Coded{Kind: 5, IDRID: uint32(i % 2)}.NAL(false)[:40]...)
		b.Now = b.Now.Add(40 * time.Millisecond)
	}
	require.GreaterOrEqual(t, len(b.Publisher.Units), 400)
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 500)
	for i, u := range b.Publisher.Units {
		require.InDelta(t, i*3600, u.AU.PTS, 7200, "picture %d", i)
	}
}

// FuzzHeads checks that no parameter sets and slices break the reading of their headers.
func FuzzHeads(f *testing.F) {
	for _, fields := range []bool{true, false} {
		sps, pps := ingesttest.CodedSets(fields)
		f.Add(sps, pps, ingesttest.Coded{Kind: 5, Field: fields}.NAL(fields)[:40], false)
	}
	f.Add(ingesttest.SPS25, ingesttest.PPSX264, []byte{0x65, 0x88, 0x84, 0}, false)
	f.Add(ingesttest.HEVC25, ingesttest.PPSX265, []byte{19 << 1, 1, 0x81, 3}, true)
	f.Fuzz(func(t *testing.T, sps, pps, slice []byte, hevc bool) {
		units := codec.Of(codec.H264).NAL
		if hevc {
			units = codec.Of(codec.H265).NAL
		}
		h := units.NewSliceReader()
		for _, nal := range [][]byte{sps, pps, slice} {
			if len(nal) == 0 {
				continue
			}
			switch units.Role(nal) {
			case nalunit.RoleSet:
				h.Set(nal)
			case nalunit.RolePicture, nalunit.RoleKey:
				if s := h.Read(nal); s.OK && s.POCBits > 16 {
					t.Fatal("more bits than there may be")
				}
				units.StartsPicture(nal)
			}
		}
	})
}

// A sender that stamps pictures in pairs continues to do so after the network stood still between the two of a pair:
// its times are its own again.
func TestPairsAfterTheNetworkStoodStill(t *testing.T) {
	b := newBench(t)
	sps, pps := ingesttest.CodedSets(false)
	v := b.Video(codec.H264, sps, pps)
	for i, au := range ingesttest.Frames264(60) {
		if i == 21 {
			b.Now = b.Now.Add(3 * time.Second)
		}
		for _, p := range ingesttest.Packetize(t, codec.H264, au) {
			b.Send(v, uint32(i/2)*7200, p.Marker, p.Payload...)
		}
		if i < 21 || i > 40 { // the delayed pictures arrive at once
			b.Now = b.Now.Add(40 * time.Millisecond)
		}
	}
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 60)
	for i := 22; i < 59; i++ {
		require.Equal(t, int64(i)*3600, b.Publisher.Units[i].AU.PTS, "picture %d", i)
	}
}
