package codec

import (
	"errors"
	"fmt"

	parser "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/gospool/spool/pipeline/codec/h264"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// H264 is ISO/IEC 14496-10. The parameter sets of a track are first all SPS and then all PPS.
var H264 = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "h264", Kind: media.Video, ParameterSets: true},
	Title:       "H.264",
	NAL:         h264.Syntax,
	Describe:    h264.Syntax.Describe,
	MIME:        mime264,
	Brand:       "avc1",
	Entry:       entry264,
	standalone: func(t *media.Track) func(au []byte) ([]byte, bool) {
		return h264.NewStandalone(t.ParameterSets).Picture
	},
})

// entry264 writes avc1, where parameter sets are in the sample entry only, because Safari and QuickTime refuse
// avc3.
var entry264 = SampleEntry{
	Types: []string{"avc1", "avc3"}, Config: "avcC", LengthSize: lengthSize264,
	Write: writeEntry264, Read: readEntry264,
}

func writeEntry264(w *isobmff.Writer, fourcc string, t *media.Track) (isobmff.PixelAspect, error) {
	aspect := isobmff.SquarePixels
	c := isobmff.AVCConfig{LengthSize: 4}
	for _, nal := range t.ParameterSets {
		if len(nal) < 4 || len(nal) > 0xffff {
			return aspect, fmt.Errorf("parameter set of %d bytes", len(nal))
		}
		switch nal[0] & 0x1f {
		case h264.SPSType:
			c.SequenceSets = append(c.SequenceSets, nal)
		case h264.PPSType:
			c.PictureSets = append(c.PictureSets, nal)
		}
	}
	if len(c.SequenceSets) == 0 || len(c.PictureSets) == 0 || len(c.SequenceSets) > 31 || len(c.PictureSets) > 255 {
		return aspect, fmt.Errorf("%d SPS and %d PPS", len(c.SequenceSets), len(c.PictureSets))
	}
	first := c.SequenceSets[0]
	var sps parser.SPS
	if err := sps.Unmarshal(first); err != nil {
		return aspect, fmt.Errorf("SPS: %w", err)
	}
	c.Profile, c.Compat, c.Level = first[1], first[2], first[3]
	switch c.Profile {
	case 66, 77, 88: // Baseline, Main, Extended: avcC does not contain the chroma format (ISO/IEC 14496-15, 5.3.3.1.2)
	default:
		c.High, c.ChromaFormat = true, uint8(sps.ChromaFormatIdc)
		c.LumaMinus8, c.ChromaMinus8 = uint8(sps.BitDepthLumaMinus8), uint8(sps.BitDepthChromaMinus8)
	}
	if v := sps.VUI; v != nil && v.AspectRatioInfoPresentFlag {
		aspect = sampleAspect(v.AspectRatioIdc, v.SarWidth, v.SarHeight)
	}
	at := w.OpenVisualEntry(fourcc, t.Width, t.Height)
	w.AVCConfig(&c)
	w.PixelAspect(aspect)
	w.Close(at)
	return aspect, nil
}

func readEntry264(entry []byte, t *media.Track) error {
	return readVisual(entry, t, "avcC", func(b []byte) ([][]byte, error) {
		c, ok := isobmff.ReadAVCConfig(b)
		if err := lengthOf4(c.LengthSize); err != nil && len(b) > 4 {
			return nil, err
		}
		if !ok {
			return nil, errors.New("avcC is damaged")
		}
		return append(c.SequenceSets, c.PictureSets...), nil
	})
}

// lengthSize264 returns the size in bytes of the length before each NAL unit, from the payload of an avcC box
// (lengthSizeMinusOne, ISO/IEC 14496-15, 5.3.3.1.2). It returns 0 if the payload is too short.
func lengthSize264(config []byte) int {
	if len(config) <= 4 {
		return 0
	}
	return int(config[4]&3) + 1
}

// mime264 returns the codecs parameter (RFC 6381, 3.3): avc1 with profile, constraints and level of the first
// SPS.
func mime264(t *media.Track) string {
	for _, nal := range t.ParameterSets {
		if len(nal) >= 4 && nal[0]&0x1f == h264.SPSType {
			return fmt.Sprintf("avc1.%02X%02X%02X", nal[1], nal[2], nal[3])
		}
	}
	return "avc1"
}
