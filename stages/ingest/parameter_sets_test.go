package ingest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

func TestParameterSetChangesThatCut(t *testing.T) {
	padded := append(append([]byte{}, ingesttest.SPS25...), 0, 0)
	for _, tc := range []struct {
		name   string
		codec  media.Codec
		before [][]byte
		set    []byte
		news   bool
	}{
		{"the same", codec.H264, [][]byte{ingesttest.SPS25, ingesttest.PPSX264}, ingesttest.SPS25, false},
		{"trailing zeros", codec.H264, [][]byte{ingesttest.SPS25, ingesttest.PPSX264}, padded, false},
		{"another frame rate", codec.H264, [][]byte{ingesttest.SPS25, ingesttest.PPSX264}, ingesttest.SPS20, false},
		{"a buffer model", codec.H264, [][]byte{ingesttest.SPS25, ingesttest.PPSX264}, ingesttest.SPSHRD, false},
		{"an SPS of less importance", codec.H264, [][]byte{ingesttest.SPS25, ingesttest.PPSX264}, append([]byte{0x27}, ingesttest.SPS25[1:]...), false},
		{"a PPS of less importance", codec.H264, [][]byte{ingesttest.SPS25, ingesttest.PPSX264}, append([]byte{0x28}, ingesttest.PPSX264[1:]...), false},
		{"another size", codec.H264, [][]byte{ingesttest.SPS25, ingesttest.PPSX264}, ingesttest.SPSBig, true},
		{"another range of colours", codec.H264, [][]byte{ingesttest.SPS25, ingesttest.PPSX264}, ingesttest.SPSFull, true},
		{"another PPS of the same id", codec.H264, [][]byte{ingesttest.SPS25, ingesttest.PPSX264}, ingesttest.PPSField, true},
		{"h265: the same", codec.H265, [][]byte{ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265}, ingesttest.HEVC25, false},
		{"h265: another frame rate", codec.H265, [][]byte{ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265}, ingesttest.HEVC30, false},
		{"h265: another size", codec.H265, [][]byte{ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265}, ingesttest.HEVCBig, true},
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
			require.Equal(t, tc.before, s.list, "stored sets stay")
		})
	}
}

// keyFrame passes a key frame that comes with sets and refers to the first PPS. It reports whether the track stays
// the same.
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
	a.keyFrame(t, ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265)
	b.keyFrame(t, ingesttest.PPSX265, ingesttest.VPSX265, ingesttest.HEVC25)
	require.Equal(t, [][]byte{ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265}, b.choose())
	require.Equal(t, a.choose(), b.list)
	require.True(t, a.keyFrame(t, ingesttest.HEVC25, ingesttest.PPSX265, ingesttest.VPSX265))
}

func TestDescriptions(t *testing.T) {
	for _, tc := range []struct {
		codec         media.Codec
		sets          [][]byte
		width, height int
		depth         int
		fields        bool
	}{
		{codec.H264, [][]byte{ingesttest.SPS25, ingesttest.PPSX264}, 320, 180, 2, false},
		{codec.H264, [][]byte{ingesttest.SPSField, ingesttest.PPSField}, 320, 192, 2, true},
		{codec.H265, [][]byte{ingesttest.VPSX265, ingesttest.HEVCBig, ingesttest.PPSX265}, 640, 360, 2, false},
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
		news, err := s.put(ingesttest.PPS264(uint32(id), 0))
		require.NoError(t, err)
		require.True(t, news)
	}
	require.Len(t, s.slots, maxParamSets)
	require.NotNil(t, s.get(codec.Of(codec.H264).NAL.Sets.PPS, 255), "the newest stay")
	_, err := s.put(make([]byte, 1<<20))
	require.ErrorIs(t, err, errParamSet)
	_, err = s.put(append([]byte{0x67}, make([]byte, 5000)...))
	require.ErrorIs(t, err, errParamSet)
	for _, nal := range [][]byte{ingesttest.PPS264(256, 0), ingesttest.PPS264(0, 32), ingesttest.PPS265(64, 0), ingesttest.PPS265(0, 16)} {
		s.nal = codec.Of(codec.H264).NAL
		if nal[0] == 0x44 {
			s.nal = codec.Of(codec.H265).NAL
		}
		_, err = s.put(nal)
		require.ErrorIs(t, err, errParamSet, "%x", nal)
	}
}

// FuzzParamSets checks that no bytes break the reader, that accepted sets can be stored, and that a repeated set is
// not new.
func FuzzParamSets(f *testing.F) {
	for _, nal := range [][]byte{ingesttest.SPS25, ingesttest.SPSBig, ingesttest.SPSFull, ingesttest.SPSField, ingesttest.PPSX264, ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.HEVCBig, ingesttest.PPSX265} {
		f.Add(nal, false)
		f.Add(nal, true)
	}
	f.Fuzz(func(t *testing.T, nal []byte, hevc bool) {
		s := setsOf(codec.H264)
		if hevc {
			s = setsOf(codec.H265)
		}
		if len(nal) == 0 || s.nal.Role(nal) != nalunit.RoleSet {
			return
		}
		if _, err := s.put(nal); err != nil {
			return
		}
		news, err := s.put(nal)
		require.NoError(t, err)
		require.False(t, news)
		others := [][]byte{ingesttest.SPS25, ingesttest.PPSX264}
		if hevc {
			others = [][]byte{ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265}
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
