package rtp

import (
	"bytes"
	"cmp"
	"errors"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/gospool/spool/pipeline/media"
)

// latm returns the Config of AAC in LATM, with its configuration in the description, or in the stream if the
// description has none (RFC 6416, 7.1: cpresent is 1 or absent).
func (f *Format) latm(of media.Codec) (Config, error) {
	l := &format.MPEG4AudioLATM{PayloadTyp: f.PayloadType, CPresent: f.values[latmCPresent] == "1" || f.values[latmCPresent] == "" && f.values[aacConfig] == ""}
	var asc []byte
	rate := uint32(0)
	if !l.CPresent {
		if l.StreamMuxConfig, asc = streamMuxConfig(hexDigits(f.values[aacConfig])); asc == nil {
			return Config{}, errors.New("unreadable-" + f.Name)
		}
		first := l.StreamMuxConfig.Programs[0].Layers[0].AudioSpecificConfig
		rate = uint32(cmp.Or(first.ExtensionSampleRate, first.SampleRate))
	}
	p, err := LATMPayload(l)
	if err != nil {
		return Config{}, err
	}
	return f.audio(of, rate, asc, p)
}

// streamMuxConfig reads a StreamMuxConfig (ISO/IEC 14496-3, table 1.42), and the AudioSpecificConfig in it; nil if it
// cannot be read.
//
// GStreamer puts in an AudioSpecificConfig with an extension, as files have it, and nothing behind it: the parser
// then reads the extension's bits as other fields. The frame length type would be 2, which is reserved.
func streamMuxConfig(raw []byte) (c *mpeg4audio.StreamMuxConfig, asc []byte) {
	c = &mpeg4audio.StreamMuxConfig{}
	if c.Unmarshal(raw) == nil && c.Programs[0].Layers[0].FrameLengthType != 2 {
		asc, _ = c.Programs[0].Layers[0].AudioSpecificConfig.Marshal()
		return c, asc
	}
	for n := range raw { // up to the end of the part without extension
		c = &mpeg4audio.StreamMuxConfig{}
		if c.Unmarshal(raw[:n]) != nil || len(c.Programs) != 1 || len(c.Programs[0].Layers) != 1 {
			continue
		}
		core, err := c.Programs[0].Layers[0].AudioSpecificConfig.Marshal()
		if whole := behindHead(raw); err == nil && bytes.HasPrefix(whole, core) && extends(whole[len(core):]) {
			return c, whole
		}
	}
	return nil, nil
}

// behindHead returns the bits after the 15 bits before the first AudioSpecificConfig.
func behindHead(raw []byte) []byte {
	var out []byte
	for i := 2; i < len(raw); i++ {
		out = append(out, raw[i-1]<<7|raw[i]>>1)
	}
	return out
}

// extends reports whether a syncExtensionType is next (ISO/IEC 14496-3, 1.6.5.3).
func extends(b []byte) bool { return len(b) > 1 && b[0] == 0x56 && b[1]>>5 == 7 }
