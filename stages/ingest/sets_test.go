package ingest

import (
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

func fromHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Parameter sets that x264 and x265 wrote.
var (
	sps25    = fromHex("6764000cacd941419f9f011000000300100000030320f1429960")                     // 320x180, 25 frames a second
	sps20    = fromHex("6764000cacd941419f9f011000000300100000030280f1429960")                     // 20 frames a second
	spsHRD   = fromHex("6764000cacd941419f9f0110000003001000000303260200124f000493e930c01e28532c") // with a buffer model
	spsBig   = fromHex("6764001eacd940a02ff97011000003000100000300320f162d96")                     // 640x360
	spsFull  = fromHex("6764000cacd941419f9f016c800000030080000019078a14cb")                       // full range
	spsField = fromHex("67640015acd94143360220000003002000000643e28532c0")                         // interlaced
	ppsX264  = fromHex("68ebe3cb22c0")
	ppsField = fromHex("68fba3cb22c0")

	vpsX265 = fromHex("40010c01ffff01600000030090000003000003003c959809")
	hevc25  = fromHex("42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300c840")
	hevc30  = fromHex("42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300f040")
	hevcBig = fromHex("42010101600000030090000003000003003fa00502016965959a4932bc05a02000000300200000030321")
	ppsX265 = fromHex("4401c172b46240")
	aacLC48 = []byte{0x11, 0x90}
)

func TestWhatCutsAndWhatDoesNot(t *testing.T) {
	padded := append(append([]byte{}, sps25...), 0, 0)
	for _, tc := range []struct {
		name   string
		codec  media.Codec
		before [][]byte
		set    []byte
		news   bool
	}{
		{"the same", codec.H264, [][]byte{sps25, ppsX264}, sps25, false},
		{"trailing zeros", codec.H264, [][]byte{sps25, ppsX264}, padded, false},
		{"another frame rate", codec.H264, [][]byte{sps25, ppsX264}, sps20, false},
		{"a buffer model", codec.H264, [][]byte{sps25, ppsX264}, spsHRD, false},
		{"an SPS of less importance", codec.H264, [][]byte{sps25, ppsX264}, append([]byte{0x27}, sps25[1:]...), false},
		{"a PPS of less importance", codec.H264, [][]byte{sps25, ppsX264}, append([]byte{0x28}, ppsX264[1:]...), false},
		{"another size", codec.H264, [][]byte{sps25, ppsX264}, spsBig, true},
		{"another range of colours", codec.H264, [][]byte{sps25, ppsX264}, spsFull, true},
		{"another PPS of the same id", codec.H264, [][]byte{sps25, ppsX264}, ppsField, true},
		{"h265: the same", codec.H265, [][]byte{vpsX265, hevc25, ppsX265}, hevc25, false},
		{"h265: another frame rate", codec.H265, [][]byte{vpsX265, hevc25, ppsX265}, hevc30, false},
		{"h265: another size", codec.H265, [][]byte{vpsX265, hevc25, ppsX265}, hevcBig, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := setsOf(tc.codec)
			require.False(t, s.keyFrame(t, tc.before...))
			s.choose()
			for range 2 { // the second time by its remembered form
				require.Equal(t, !tc.news, s.keyFrame(t, tc.set))
				if tc.news {
					return
				}
			}
			require.Equal(t, tc.before, s.list, "what is stored stays")
		})
	}
}

// keyFrame passes a key frame that comes with sets and refers to the first PPS. It
// reports whether the track stays as it is.
func (s *paramSets) keyFrame(t testing.TB, sets ...[]byte) bool {
	t.Helper()
	s.next()
	for _, nal := range sets {
		_, err := s.put(nal)
		require.NoError(t, err)
	}
	require.True(t, s.referAny())
	defer s.give(true)
	return s.described()
}

func setsOf(c media.Codec) paramSets { return paramSets{coding: c, nal: codec.Of(c).NAL} }

func TestOrderDoesNotMatter(t *testing.T) {
	a, b := setsOf(codec.H265), setsOf(codec.H265)
	a.keyFrame(t, vpsX265, hevc25, ppsX265)
	b.keyFrame(t, ppsX265, vpsX265, hevc25)
	require.Equal(t, [][]byte{vpsX265, hevc25, ppsX265}, b.choose())
	require.Equal(t, a.choose(), b.list)
	require.True(t, a.keyFrame(t, hevc25, ppsX265, vpsX265))
}

func TestDescriptions(t *testing.T) {
	for _, tc := range []struct {
		codec         media.Codec
		sets          [][]byte
		width, height int
		depth         int
		fields        bool
	}{
		{codec.H264, [][]byte{sps25, ppsX264}, 320, 180, 2, false},
		{codec.H264, [][]byte{spsField, ppsField}, 320, 192, 2, true},
		{codec.H265, [][]byte{vpsX265, hevcBig, ppsX265}, 640, 360, 2, false},
	} {
		s := setsOf(tc.codec)
		s.keyFrame(t, tc.sets...)
		d := s.describe(90000)
		require.Equal(t, []int{tc.width, tc.height, tc.depth}, []int{d.track.Width, d.track.Height, d.Depth})
		require.Equal(t, tc.fields, d.Fields)
		require.NoError(t, d.track.Validate())
	}
}

func TestAHostileSenderCannotFillMemoryWithParameterSets(t *testing.T) {
	s := setsOf(codec.H264)
	for id := range 256 {
		s.next()
		news, err := s.put(pps264(uint32(id), 0))
		require.NoError(t, err)
		require.True(t, news)
	}
	require.Len(t, s.slots, maxParamSets)
	require.NotNil(t, s.get(codec.Of(codec.H264).NAL.Sets.PPS, 255), "the newest stay")
	_, err := s.put(make([]byte, 1<<20))
	require.ErrorIs(t, err, errParamSet)
	_, err = s.put(append([]byte{0x67}, make([]byte, 5000)...))
	require.ErrorIs(t, err, errParamSet)
	for _, nal := range [][]byte{pps264(256, 0), pps264(0, 32), pps265(64, 0), pps265(0, 16)} {
		s.nal = codec.Of(codec.H264).NAL
		if nal[0] == 0x44 {
			s.nal = codec.Of(codec.H265).NAL
		}
		_, err = s.put(nal)
		require.ErrorIs(t, err, errParamSet, "%x", nal)
	}
}

// pps264 and pps265 are PPS of which the beginning only is true.
func pps264(id, sps uint32) []byte { return withBits([]byte{0x68}, ue(id)+ue(sps)+rest) }
func pps265(id, sps uint32) []byte { return withBits([]byte{0x44, 1}, ue(id)+ue(sps)+rest) }

// rest stands for what is not read.
const rest = "1010101010101"

// ue is an Exp-Golomb number.
func ue(v uint32) string {
	code := strconv.FormatUint(uint64(v)+1, 2)
	return strings.Repeat("0", len(code)-1) + code
}

// withBits appends bits, and zeros up to a whole byte.
func withBits(nal []byte, bits string) []byte {
	for ; len(bits) > 0; bits = bits[min(8, len(bits)):] {
		v, _ := strconv.ParseUint((bits + "0000000")[:8], 2, 8)
		nal = append(nal, byte(v))
	}
	return nal
}

// FuzzParamSets: no bytes harm the reader, what it takes can be stored, and
// taking it again is no news.
func FuzzParamSets(f *testing.F) {
	for _, nal := range [][]byte{sps25, spsBig, spsFull, spsField, ppsX264, vpsX265, hevc25, hevcBig, ppsX265} {
		f.Add(nal, false)
		f.Add(nal, true)
	}
	f.Fuzz(func(t *testing.T, nal []byte, hevc bool) {
		s := setsOf(codec.H264)
		if hevc {
			s = setsOf(codec.H265)
		}
		if len(nal) == 0 || s.nal.Role(nal) != codec.RoleSet {
			return
		}
		if _, err := s.put(nal); err != nil {
			return
		}
		news, err := s.put(nal)
		require.NoError(t, err)
		require.False(t, news)
		others := [][]byte{sps25, ppsX264}
		if hevc {
			others = [][]byte{vpsX265, hevc25, ppsX265}
		}
		for _, o := range others {
			_, _ = s.put(o)
		}
		if s.referAny() {
			d := s.describe(90000)
			require.NoError(t, d.track.Validate())
			require.LessOrEqual(t, d.Depth, maxDepth)
		}
	})
}
