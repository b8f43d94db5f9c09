package ingest_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// sps264 returns an SPS of Baseline with an id: a number of macroblocks wide, one high, output in decoding order.
func sps264(id, width uint32) []byte {
	return ingesttest.WithBits([]byte{0x67, 66, 0, 10}, ingesttest.UE(id)+ingesttest.UE(0)+ingesttest.UE(2)+ingesttest.UE(1)+"0"+ingesttest.UE(width-1)+ingesttest.UE(0)+"1"+"1"+"0"+"0"+"1")
}

// sps265 changes the ids of an x265 SPS with id 0, its own and its VPS's. Its id follows 12 bytes of profile and
// level.
func sps265(sps []byte, id, vps uint32) []byte {
	bare := bytes.ReplaceAll(sps, []byte{0, 0, 3}, []byte{0, 0})
	r, bits := bitstream.NewReader(bare), strings.Builder{}
	for r.Left() > 0 {
		bits.WriteByte('0' + byte(r.Bits(1)))
	}
	rest := bits.String()[15*8+1:]
	head := append([]byte{}, bare[:15]...)
	head[2] = head[2]&0x0f | byte(vps)<<4
	return escaped(ingesttest.WithBits(head, ingesttest.UE(id)+strings.TrimRight(rest, "0")))
}

// escaped inserts emulation prevention bytes.
func escaped(nal []byte) (out []byte) {
	zeros := 0
	for _, v := range nal {
		if zeros >= 2 && v <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; v != 0 {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}

// slice264 and slice265 return slices that refer to a PPS.
func slice264(kind byte, pps uint32) []byte {
	return ingesttest.WithBits([]byte{kind}, ingesttest.UE(0)+ingesttest.UE(7)+ingesttest.UE(pps)+ingesttest.Rest)
}
func slice265(kind byte, pps uint32) []byte {
	first := "1"
	if kind >= 16 {
		first = "10"
	}
	return ingesttest.WithBits([]byte{kind << 1, 1}, first+ingesttest.UE(pps)+ingesttest.Rest)
}

const (
	idr264 = 0x65
	p264   = 0x41
	cra265 = 21
	p265   = 1
)

// shoot sends one picture: its parameter sets, then its slices.
func (b *bench) shoot(t *rtp.Track, at uint32, nals ...[]byte) {
	b.T.Helper()
	for i, nal := range nals {
		b.Send(t, at, i == len(nals)-1, nal...)
	}
}

// Ids that count up: each description has exactly the sets of its own key frame, however long the stream runs.
func TestDescriptionsHaveTheSetsOfTheirKeyFrames(t *testing.T) {
	for name, ids := range map[string]func(i uint32) (sps, pps uint32){
		"SPS and PPS": func(i uint32) (uint32, uint32) { return i % 32, i % 32 },
		"SPS only":    func(i uint32) (uint32, uint32) { return i % 32, 0 },
		"PPS only":    func(i uint32) (uint32, uint32) { return 0, i % 256 },
		"both apart":  func(i uint32) (uint32, uint32) { return i % 32, i % 256 },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			first := [][]byte{sps264(0, 4), ingesttest.PPS264(0, 0)}
			v := b.Video(codec.H264, first...)
			for i := range uint32(600) {
				sps, pps := ids(i)
				b.shoot(v, i*7200, sps264(sps, 4+i%5), ingesttest.PPS264(pps, sps), slice264(idr264, pps))
				b.shoot(v, i*7200+3600, slice264(p264, pps))
				b.Now = b.Now.Add(time.Second)
			}
			b.Feed.Close()
			require.Empty(t, b.Publisher.Losses)
			require.Len(t, b.Publisher.Units, 1200)
			require.Len(t, b.Publisher.Sets, 600)
			for i, set := range b.Publisher.Sets {
				sps, pps := ids(uint32(i))
				require.Equal(t, [][]byte{sps264(sps, uint32(4+i%5)), ingesttest.PPS264(pps, sps)}, set[0].ParameterSets, "%d", i)
				require.Equal(t, 16*(4+i%5), set[0].Width)
			}
			for i, u := range b.Publisher.Units {
				require.Equal(t, i/2+1, u.Set)
				require.Len(t, u.NALs, 1, "no sets in the stream")
			}
		})
	}
}

func TestDescriptionsOfH265HaveTheSetsOfTheirKeyFrames(t *testing.T) {
	sizes := [][]byte{ingesttest.HEVC25, ingesttest.HEVCBig}
	b := newBench(t)
	v := b.Video(codec.H265)
	renamed := func(i uint32) [][]byte { // VPS, SPS and PPS count up
		vps := append([]byte{}, ingesttest.VPSX265...)
		vps[2] = vps[2]&0x0f | byte(i%16)<<4
		return [][]byte{vps, sps265(sizes[i%2], i%16, i%16), ingesttest.PPS265(i%64, i%16)}
	}
	for i := range uint32(200) {
		b.shoot(v, i*7200, append(renamed(i), slice265(cra265, i%64))...)
		b.shoot(v, i*7200+3600, slice265(p265, i%64))
		b.Now = b.Now.Add(time.Second)
	}
	b.Feed.Close()
	require.Empty(t, b.Publisher.Losses)
	require.Len(t, b.Publisher.Sets, 200)
	for i, set := range b.Publisher.Sets {
		require.Equal(t, renamed(uint32(i)), set[0].ParameterSets)
		require.Equal(t, []int{320, 640}[i%2], set[0].Width)
	}
}

// Changes with each picture do not begin a file each: the key frames carry their sets, and a new description follows
// when changes are rare again. All pictures can be decoded.
func TestFrequentChangesDoNotBeginFrequentFiles(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264)
	width := func(i uint32) uint32 { return 4 + i%2 + i/500 }
	shot := func(i uint32) {
		b.shoot(v, i*3600, sps264(0, width(i)), ingesttest.PPS264(i%3, 0), slice264(idr264, i%3))
		b.Now = b.Now.Add(40 * time.Millisecond)
	}
	for i := range uint32(250) {
		shot(i)
	}
	require.LessOrEqual(t, len(b.Publisher.Sets), 61, "in ten seconds")
	b.Now = b.Now.Add(time.Minute)
	shot(527) // of another size
	shot(529)
	v.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 252)
	require.Empty(t, b.Publisher.Losses)
	require.Greater(t, b.Publisher.Repairs[ingest.RepairedSets], uint64(150))
	for i, u := range b.Publisher.Units {
		if i >= 250 {
			i = 527 + 2*(i-250)
		}
		has, set := u.NALs, b.Publisher.Sets[u.Set-1][0].ParameterSets
		require.Contains(t, append(has, set...), sps264(0, width(uint32(i))), "picture %d", i)
		require.Contains(t, append(has, set...), ingesttest.PPS264(uint32(i%3), 0), "picture %d", i)
	}
	require.Len(t, b.Publisher.Units[250].NALs, 1, "described again")
}

// Sets that pictures use stay beside those of the key frame: no file begins, and no set is missing, when sets arrive
// in another order, late, or only once.
func TestSeveralSetsInUse(t *testing.T) {
	sps, a, c := sps264(0, 4), ingesttest.PPS264(0, 0), ingesttest.PPS264(1, 0)
	other, otherPPS := sps264(1, 9), ingesttest.PPS264(2, 1)
	for name, tc := range map[string]struct {
		known [][]byte     // at the beginning
		shots [][][]byte   // pictures with their sets
		sets  [][][]byte   // described
		in    map[int]uint // elements of pictures that carry sets in the stream
	}{
		"another order": {
			nil,
			[][][]byte{{sps, a, c, slice264(idr264, 0)}, {slice264(p264, 1)}, {c, a, sps, slice264(idr264, 0)}, {slice264(p264, 1)}},
			[][][]byte{{sps, a, c}}, nil,
		},
		"once, at the beginning": {
			[][]byte{sps, a, c},
			[][][]byte{{sps, a, slice264(idr264, 0)}, {slice264(p264, 1)}, {sps, a, slice264(idr264, 0)}, {slice264(p264, 0)}, {sps, a, slice264(idr264, 0)}, {slice264(p264, 1)}},
			[][][]byte{{sps, a, c}}, nil,
		},
		"of another that is never used": {
			[][]byte{other, otherPPS, sps, a},
			[][][]byte{{sps, a, other, otherPPS, slice264(idr264, 0)}, {slice264(p264, 0)}, {other, otherPPS, sps, a, slice264(idr264, 0)}},
			[][][]byte{{sps, a}}, nil,
		},
		"made for another SPS of that id": {
			nil,
			[][][]byte{{sps, a, c, slice264(idr264, 0)}, {slice264(p264, 1)}, {sps264(0, 9), slice264(idr264, 0)}},
			[][][]byte{{sps, a, c}, {sps264(0, 9), a}}, nil,
		},
		"two slices with a PPS each": {
			nil,
			[][][]byte{{sps, a, c, slice264(idr264, 0), slice264(idr264, 1)}},
			[][][]byte{{sps, a, c}}, nil,
		},
		"late": { // in the stream until its key frame
			nil,
			[][][]byte{{sps, a, slice264(idr264, 0)}, {c, slice264(p264, 1)}, {slice264(p264, 1)}, {sps, a, slice264(idr264, 0)}, {slice264(p264, 0)}},
			[][][]byte{{sps, a}}, map[int]uint{1: 1},
		},
		"late, without sets at key frames": {
			[][]byte{sps, a},
			[][][]byte{{slice264(idr264, 0)}, {c, slice264(p264, 1)}, {slice264(idr264, 0)}, {slice264(p264, 1)}},
			[][][]byte{{sps, a}, {sps, a, c}}, map[int]uint{1: 1},
		},
		"late and for the next one": {
			nil,
			[][][]byte{{sps, a, slice264(idr264, 0)}, {c, slice264(p264, 0)}, {slice264(idr264, 1)}},
			[][][]byte{{sps, a}, {sps, a, c}}, nil,
		},
		"dropped, and used all the same": {
			nil,
			[][][]byte{
				{sps, a, c, slice264(idr264, 0)}, {other, otherPPS, slice264(idr264, 2)}, {sps, a, slice264(idr264, 0)},
				{slice264(p264, 1)}, {sps, a, slice264(idr264, 0)}, {slice264(p264, 1)}, {sps, a, slice264(idr264, 0)},
			},
			[][][]byte{{sps, a, c}, {other, otherPPS}, {sps, a}, {sps, a, c}}, map[int]uint{3: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.Video(codec.H264, tc.known...)
			for i, shot := range tc.shots {
				b.shoot(v, uint32(i)*3600, shot...)
			}
			b.Feed.Close()
			require.Empty(t, b.Publisher.Losses)
			var sets [][][]byte
			for _, set := range b.Publisher.Sets {
				sets = append(sets, set[0].ParameterSets)
			}
			require.Equal(t, tc.sets, sets)
			for i, u := range b.Publisher.Units {
				n := uint(0)
				for _, nal := range u.NALs {
					if nal[0]&0x1f >= 7 {
						n++
					}
				}
				require.Equal(t, tc.in[i], n, "sets in picture %d", i)
			}
		})
	}
}

// A PPS that changed within a GOP and changes back: a decoder that plays on gets it at each key frame from there on.
func TestASetThatComesBackIsGivenAgain(t *testing.T) {
	sps, a := sps264(0, 4), ingesttest.PPS264(0, 0)
	changed := append(append([]byte{}, a...), 0x55)
	b := newBench(t)
	v := b.Video(codec.H264)
	b.shoot(v, 0, sps, a, slice264(idr264, 0))
	b.shoot(v, 3600, changed, slice264(p264, 0))
	b.shoot(v, 7200, a, slice264(idr264, 0))
	b.shoot(v, 10800, slice264(p264, 0))
	b.shoot(v, 14400, sps, a, slice264(idr264, 0))
	b.Feed.Close()
	require.Len(t, b.Publisher.Sets, 1, "nothing is cut")
	require.Equal(t, [][]byte{changed, slice264(p264, 0)}, b.Publisher.Units[1].NALs)
	require.Equal(t, [][]byte{a, slice264(idr264, 0)}, b.Publisher.Units[2].NALs)
	require.Len(t, b.Publisher.Units[3].NALs, 1)
	require.Equal(t, [][]byte{a, slice264(idr264, 0)}, b.Publisher.Units[4].NALs)
}

// A picture whose sets never arrived cannot be decoded: it counts as lost until they do.
func TestAKeyFrameWaitsForTheSetsThatItRefersTo(t *testing.T) {
	b := newBench(t)
	v := b.Video(codec.H264)
	b.shoot(v, 0, sps264(0, 4), ingesttest.PPS264(0, 0), slice264(idr264, 3))
	b.shoot(v, 3600, slice264(p264, 3))
	b.shoot(v, 7200, sps264(0, 4), ingesttest.PPS264(3, 0), slice264(idr264, 3))
	b.Feed.Close()
	require.EqualValues(t, 2, b.Publisher.Losses[media.DropNoParameterSets])
	require.Len(t, b.Publisher.Units, 1)
	require.Contains(t, b.Publisher.Sets[0][0].ParameterSets, ingesttest.PPS264(3, 0))
}

func TestSlicesAreReadWithoutAllocation(t *testing.T) {
	nal := slice264(p264, 200)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if id, ok := codec.Of(codec.H264).NAL.SlicePPS(nal); !ok || id != 200 {
			t.Error(id, ok)
		}
	}))
}

func TestSlicesReferToAPPS(t *testing.T) {
	for _, tc := range []struct {
		codec media.Codec
		nal   []byte
		id    uint32
		ok    bool
	}{
		{codec.H264, slice264(idr264, 255), 255, true},
		{codec.H264, slice264(p264, 256), 0, false},
		{codec.H264, []byte{0x65, 0x88, 1}, 0, false}, // cut off
		{codec.H264, []byte{0x41}, 0, false},
		{codec.H264, ingesttest.WithBits([]byte{0x41}, ingesttest.UE(139263)+ingesttest.UE(5)+ingesttest.UE(255)+ingesttest.Rest), 255, true}, // the last macroblock of the largest picture
		{codec.H264, escaped(ingesttest.WithBits([]byte{0x41}, ingesttest.UE(1<<24)+ingesttest.UE(0)+ingesttest.UE(9)+ingesttest.Rest)), 9, true},
		{codec.H264, ingesttest.SPS25, 0, false},
		{codec.H265, slice265(cra265, 63), 63, true},
		{codec.H265, slice265(p265, 63), 63, true},
		{codec.H265, slice265(p265, 64), 0, false},
		{codec.H265, ingesttest.HEVC25, 0, false},
		{codec.H265, []byte{0x02, 1}, 0, false},
	} {
		id, ok := codec.Of(tc.codec).NAL.SlicePPS(tc.nal)
		require.Equal(t, tc.ok, ok, "%x", tc.nal)
		if ok {
			require.Equal(t, tc.id, id, "%x", tc.nal)
		}
	}
}

// FuzzSlicePPS checks that no slice breaks the reader.
func FuzzSlicePPS(f *testing.F) {
	f.Add(slice264(idr264, 7), false)
	f.Add(slice265(cra265, 7), true)
	f.Fuzz(func(t *testing.T, nal []byte, hevc bool) {
		if len(nal) == 0 {
			return
		}
		coding := codec.H264
		if hevc {
			coding = codec.H265
		}
		if id, ok := codec.Of(coding).NAL.SlicePPS(nal); ok {
			require.Less(t, id, uint32(256))
		}
	})
}

// With MinSegment, a change of size begins a file only if the last one is old enough. The pictures between can be decoded by the sets
// before them.
func TestASizeIsKeptForAWhile(t *testing.T) {
	b := newBench(t)
	v := b.add(rtp.Config{Track: ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, MinSegment: 10 * time.Second}})
	const pictures = 25
	for i := range uint32(pictures) { // one a second
		b.shoot(v, i*90000, sps264(0, 20+20*(i%2)), ingesttest.PPS264(0, 0), slice264(idr264, 0))
		b.Now = b.Now.Add(time.Second)
	}
	v.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, pictures)
	require.Empty(t, b.Publisher.Losses)
	var begins []int
	for i, u := range b.Publisher.Units {
		if i == 0 || u.Set != b.Publisher.Units[i-1].Set {
			begins = append(begins, i)
		}
		has, set := u.NALs, b.Publisher.Sets[u.Set-1][0].ParameterSets
		require.Contains(t, append(has, set...), sps264(0, 20+20*(uint32(i)%2)), "picture %d", i)
	}
	require.Equal(t, []int{0, 11, 22}, begins, "10 has the size of 0")
	require.Equal(t, uint64(11), b.Publisher.Repairs[ingest.RepairedSets], "1, 3 to 9, 12, 14 to 20, and 23")
}
