package codec

import (
	"errors"
	"fmt"
	"math/bits"

	parser "github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/codec/h265"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// H265 is ISO/IEC 23008-2. The parameter sets of a track are first all VPS, then all SPS, then all PPS.
var H265 = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "h265", Kind: media.Video, ParameterSets: true},
	Title:       "H.265",
	NAL:         h265.Syntax,
	Describe:    h265.Syntax.Describe,
	MIME:        mime265,
	Brand:       "hvc1",
	Entry:       entry265,
	standalone:  func(*media.Track) func(au []byte) ([]byte, bool) { return new(h265.Standalone).Picture },
})

// entry265 writes hvc1, where parameter sets are in the sample entry only. See entry264 for the reason.
var entry265 = SampleEntry{
	Types: []string{"hvc1", "hev1"}, Config: "hvcC", LengthSize: lengthSize265,
	Write: writeEntry265, Read: readEntry265,
}

// setTypes265 lists the types of parameter sets in the order in which a track has them.
var setTypes265 = [...]uint8{h265.VPSType, h265.SPSType, h265.PPSType}

func writeEntry265(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	aspect := isobmff.SquarePixels
	c := isobmff.HEVCConfig{LengthSize: 4}
	for _, kind := range setTypes265 {
		c.Arrays = append(c.Arrays, isobmff.HEVCArray{Type: kind})
	}
	for _, nal := range t.ParameterSets {
		if len(nal) < 4 || len(nal) > 0xffff {
			return aspect, fmt.Errorf("parameter set of %d bytes", len(nal))
		}
		for i := range c.Arrays {
			if a := &c.Arrays[i]; a.Type == nal[0]>>1&0x3f {
				a.NALs = append(a.NALs, nal)
			}
		}
	}
	for i, name := range [...]string{"VPS", "SPS", "PPS"} {
		if len(c.Arrays[i].NALs) == 0 {
			return aspect, fmt.Errorf("no %s", name)
		}
	}
	first := c.Arrays[1].NALs[0]
	var sps parser.SPS
	if err := sps.Unmarshal(first); err != nil {
		return aspect, fmt.Errorf("SPS: %w", err)
	}
	general, ok := profileTierLevel265(first)
	if !ok {
		return aspect, fmt.Errorf("SPS of %d bytes", len(first))
	}
	c.ProfileTierLevel = general
	c.ChromaFormat, c.LumaMinus8, c.ChromaMinus8 = uint8(sps.ChromaFormatIdc), uint8(sps.BitDepthLumaMinus8), uint8(sps.BitDepthChromaMinus8)
	c.Layers, c.Nested = sps.MaxSubLayersMinus1+1, sps.TemporalIDNestingFlag
	if v := sps.VUI; v != nil && v.AspectRatioInfoPresentFlag {
		aspect = sampleAspect(v.AspectRatioIdc, v.SarWidth, v.SarHeight)
	}
	at := w.OpenVisualEntry(fourcc, t.Width, t.Height)
	w.HEVCConfig(&c)
	w.PixelAspect(aspect)
	w.Close(at)
	return aspect, nil
}

// profileTierLevel265 returns the 12 bytes from general_profile_space to general_level_idc of an SPS (ITU-T
// H.265, 7.3.2.2.1 and 7.3.3). ok is false if the SPS is too short.
func profileTierLevel265(sps []byte) (general [12]byte, ok bool) {
	var room [12 + 1]byte // the first byte holds the id of the VPS and the number of layers
	body := bitstream.UnescapeHead(room[:0], sps[2:])
	return [12]byte(room[1:]), len(body) == len(room)
}

func readEntry265(entry []byte, t *media.Track) error {
	return readVisual(entry, t, "hvcC", func(b []byte) (sets [][]byte, err error) {
		c, ok := isobmff.ReadHEVCConfig(b)
		if err := lengthOf4(c.LengthSize); err != nil && len(b) > 21 {
			return nil, err
		}
		if !ok {
			return nil, errors.New("hvcC is damaged")
		}
		for _, kind := range setTypes265 {
			for _, a := range c.Arrays {
				if a.Type == kind {
					sets = append(sets, a.NALs...)
				}
			}
		}
		return sets, nil
	})
}

// lengthSize265 returns the size in bytes of the length before each NAL unit, from the payload of an hvcC box
// (lengthSizeMinusOne, ISO/IEC 14496-15, 8.3.3.1.2). It returns 0 if the payload is too short.
func lengthSize265(config []byte) int {
	if len(config) <= 21 {
		return 0
	}
	return int(config[21]&3) + 1
}

// mime265 returns the codecs parameter (ISO/IEC 14496-15, E.3): hvc1 with profile, the compatibility flags with
// their bits reversed, tier and level, and the constraint bytes up to the last that is not 0.
func mime265(t *media.Track) string {
	for _, nal := range t.ParameterSets {
		if len(nal) < 3 || nal[0]>>1&0x3f != h265.SPSType {
			continue
		}
		g, ok := profileTierLevel265(nal)
		if !ok {
			break
		}
		space, tier := "", byte('L')
		if g[0]>>6 > 0 {
			space = string('A' + rune(g[0]>>6) - 1)
		}
		if g[0]&0x20 != 0 {
			tier = 'H'
		}
		compat := bits.Reverse32(uint32(g[1])<<24 | uint32(g[2])<<16 | uint32(g[3])<<8 | uint32(g[4]))
		s := fmt.Sprintf("hvc1.%s%d.%X.%c%d", space, g[0]&0x1f, compat, tier, g[11])
		constraints := g[5:11]
		for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
			constraints = constraints[:len(constraints)-1]
		}
		for _, b := range constraints {
			s += fmt.Sprintf(".%X", b)
		}
		return s
	}
	return "hvc1"
}
