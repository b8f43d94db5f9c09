package codec

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec/h264"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
)

// accessUnits encodes pictures with ffmpeg, with delimiters, and returns each in mdat form.
func accessUnits(t testing.TB, file string, codec media.Codec) (track media.Track, units [][]byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	track.Codec = codec
	for nal := range bytes.SplitSeq(b, []byte{0, 0, 1}) {
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) == 0 {
			continue
		}
		kind, delimiter, set := nal[0]&0x1f, byte(9), nal[0]&0x1f == h264.SPSType || nal[0]&0x1f == h264.PPSType
		if codec == H265 {
			kind, delimiter = nal[0]>>1&0x3f, 35
			set = kind >= 32 && kind <= 34
		}
		switch {
		case kind == delimiter:
			units = append(units, nil)
		case set:
			track.ParameterSets = append(track.ParameterSets, nal)
		default:
			last := len(units) - 1
			units[last] = binary.BigEndian.AppendUint32(units[last], uint32(len(nal)))
			units[last] = append(units[last], nal...)
		}
	}
	return track, units
}

func annexB(out []byte, nals ...[]byte) []byte {
	for _, nal := range nals {
		out = append(append(out, 0, 0, 0, 1), nal...)
	}
	return out
}

// frames returns the hash of each picture that ffmpeg presents, in order. A warning of ffmpeg is a failure.
func frames(t testing.TB, file string, filter ...string) (hashes []string) {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("ffmpeg", append(append([]string{"-nostdin", "-v", "warning", "-i", file}, filter...), "-fps_mode", "passthrough", "-f", "framemd5", "-")...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	require.Empty(t, stderr.String())
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(line, ","); !strings.HasPrefix(line, "#") {
			hashes = append(hashes, strings.TrimSpace(f[len(f)-1]))
		}
	}
	return hashes
}

// x264 returns arguments of ffmpeg for pictures with delimiters.
func x264(params string, more ...string) []string {
	return append([]string{"-c:v", "libx264", "-preset", "fast", "-x264-params", "aud=1:scenecut=0:threads=1:" + params, "-f", "h264"}, more...)
}

// standalone encodes pictures, and writes a file of the ones that stand alone.
func standalone(t *testing.T, codec media.Codec, args []string) (source, lapse string, kept int) {
	t.Helper()
	dir := t.TempDir()
	source, lapse = filepath.Join(dir, "source"), filepath.Join(dir, "lapse")
	out, err := exec.Command("ffmpeg", append(append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=80x64:rate=25", "-t", "6"}, args...), source)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	track, units := accessUnits(t, source, codec)
	s := NewStandalone(&track)
	made := annexB(nil, track.ParameterSets...)
	for _, au := range units {
		before := bytes.Clone(au)
		alone, ok := s.Picture(au)
		require.Equal(t, before, au, "the shared access unit is not changed")
		if !ok {
			continue
		}
		kept++
		require.True(t, nalunit.Each(alone, func(nal []byte) bool { made = annexB(made, nal); return true }))
	}
	require.NoError(t, os.WriteFile(lapse, made, 0o600))
	return source, lapse, kept
}

// Every I picture at which a decoder may begin stands alone; it decodes to the original picture, and the order of
// presentation is kept.
func TestPicturesOfOpenGOPsStandAlone(t *testing.T) {
	x265 := func(params string) []string {
		return []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "aud=1:scenecut=0:log-level=none:" + params, "-f", "hevc"}
	}
	for name, tc := range map[string]struct {
		codec media.Codec
		args  []string
		kept  int
	}{
		"h264":                 {H264, x264("open-gop=1:bframes=3:keyint=25"), 6},
		"h264, closed":         {H264, x264("open-gop=0:bframes=3:keyint=25"), 6},
		"h264, CAVLC":          {H264, x264("open-gop=1:bframes=3:keyint=25:cabac=0"), 6},
		"h264, slices":         {H264, x264("open-gop=1:bframes=3:keyint=25:slices=4:no-deblock=1"), 6},
		"h264, B pyramid":      {H264, x264("open-gop=1:bframes=7:b-pyramid=normal:keyint=25:ref=6"), 6},
		"h264, interlaced":     {H264, x264("open-gop=1:bframes=2:keyint=25:tff=1"), 6},
		"h264, bottom first":   {H264, x264("open-gop=1:bframes=2:keyint=25:bff=1:cabac=0"), 6},
		"h264, HRD":            {H264, x264("open-gop=1:bframes=3:keyint=25:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500:pic-struct=1"), 6},
		"h264, lossless 4:4:4": {H264, x264("open-gop=1:bframes=3:keyint=25:qp=0", "-pix_fmt", "yuv444p"), 6},
		"h264, 10 bits":        {H264, x264("open-gop=1:bframes=3:keyint=25", "-pix_fmt", "yuv420p10le"), 6},
		"h264, refresh":        {H264, x264("intra-refresh=1:keyint=25"), 1},
		"h265":                 {H265, x265("open-gop=1:bframes=3:keyint=25"), 6},
		"h265, closed":         {H265, x265("open-gop=0:bframes=3:keyint=25"), 6},
		"h265, long":           {H265, append(x265("open-gop=1:bframes=3:keyint=150"), "-t", "18"), 3}, // over half of what its order of pictures counts to
		"h265, slices":         {H265, x265("open-gop=1:bframes=3:keyint=25:slices=2"), 6},
	} {
		t.Run(name, func(t *testing.T) {
			source, lapse, kept := standalone(t, tc.codec, tc.args)
			require.Equal(t, tc.kept, kept)
			all := frames(t, source, "-vf", "select=eq(pict_type\\,I)")
			require.Equal(t, all[:tc.kept], frames(t, lapse))
		})
	}
}

// The standard's rules for IDR pictures (ITU-T H.264, 7.4.3 and 8.2.1), of which
// ffmpeg's decoder is tolerant.
func TestMadeIDRPicturesAreValid(t *testing.T) {
	_, lapse, _ := standalone(t, H264, x264("open-gop=1:bframes=3:keyint=25:slices=2"))
	out, err := exec.Command("ffmpeg", "-nostdin", "-v", "trace", "-i", lapse, "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-").CombinedOutput()
	require.NoError(t, err)
	said := map[string][]string{} // the values of slice headers' fields
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if n := len(f); n > 6 && strings.Contains(line, "trace_headers") && f[n-2] == "=" {
			said[f[4]] = append(said[f[4]], f[n-1])
		}
	}
	require.Equal(t, slices.Repeat([]string{"0"}, 12), said["frame_num"])
	require.Equal(t, slices.Repeat([]string{"0"}, 12), said["pic_order_cnt_lsb"])
	ids := said["idr_pic_id"]
	require.Len(t, ids, 12)
	for i := 2; i < len(ids); i += 2 {
		require.Equal(t, ids[i], ids[i+1], "one picture")
		require.NotEqual(t, ids[i-1], ids[i], "two pictures")
	}
}

func TestDependentPicturesDoNotStandAlone(t *testing.T) {
	pps := []byte{0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0}
	sps := []byte{0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0, 0, 3, 0, 0x10, 0, 0, 3, 3, 0x20, 0xf1, 0x42, 0x99, 0x60}
	s := NewStandalone(&media.Track{Codec: H264, ParameterSets: [][]byte{sps, pps}})
	recovers, later := []byte{6, 6, 1, 0xc4, 0x80}, []byte{6, 6, 2, 0x13, 0x10, 0x80} // in 0 frames, in 8
	i, p := []byte{0x61, 0x88, 0x84, 0x05, 0x55, 0x55, 0x55, 0x55, 0x80}, []byte{0x61, 0x9a, 0x84, 0x11, 0x22, 0x80}
	for name, tc := range map[string]struct {
		nals [][]byte
		ok   bool
	}{
		"IDR":                     {[][]byte{{0x65, 1}}, true},
		"I, recovery at once":     {[][]byte{recovers, i}, true},
		"I, no recovery point":    {[][]byte{i}, false},
		"I, recovery later":       {[][]byte{later, i}, false},
		"P, recovery at once":     {[][]byte{recovers, p}, false},
		"I and P slices":          {[][]byte{recovers, i, p}, false},
		"nothing":                 {nil, false},
		"no picture":              {[][]byte{recovers}, false},
		"a PPS that is not known": {[][]byte{recovers, {0x61, 0x88, 0x4f, 0xff, 0xff}}, false},
		"cut off":                 {[][]byte{recovers, {0x61, 0x88}}, false},
		"a partition":             {[][]byte{recovers, {0x62, 0x88, 0x84}}, false},
	} {
		var au []byte
		for _, nal := range tc.nals {
			au = append(binary.BigEndian.AppendUint32(au, uint32(len(nal))), nal...)
		}
		_, ok := s.Picture(au)
		require.Equal(t, tc.ok, ok, name)
	}
	for _, au := range [][]byte{{0}, {0, 0, 0, 0}, {0, 0, 0, 9, 0x65}} {
		_, ok := s.Picture(au)
		require.False(t, ok, "%x", au)
	}
}

// FuzzStandalone: no picture and no parameter set breaks it, and its output consists of NAL units.
func FuzzStandalone(f *testing.F) {
	sps := []byte{0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0, 0, 3, 0, 0x10, 0, 0, 3, 3, 0x20, 0xf1, 0x42, 0x99, 0x60}
	pps := []byte{0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0}
	f.Add(sps, pps, []byte{0x61, 0x88, 0x84, 0x11, 0x22, 0x80}, false)
	f.Add(sps, pps, []byte{42, 1, 0xaa, 0xbb}, true)
	f.Fuzz(func(t *testing.T, sps, pps, slice []byte, hevc bool) {
		track := media.Track{Codec: H264, ParameterSets: [][]byte{sps, pps}}
		if hevc {
			track.Codec = H265
		}
		s := NewStandalone(&track)
		var au []byte
		for _, nal := range [][]byte{{6, 6, 1, 0xc4, 0x80}, slice, slice} {
			au = append(binary.BigEndian.AppendUint32(au, uint32(len(nal))), nal...)
		}
		if alone, ok := s.Picture(au); ok {
			require.True(t, nalunit.Each(alone, func(nal []byte) bool { return len(nal) > 0 }))
		}
	})
}
