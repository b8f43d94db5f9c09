package rtp

import (
	"bytes"
	"errors"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/gospool/spool/pipeline/media"
)

// latm returns the Config of AAC in LATM. The configuration is in the session description if cpresent is 0, and in the
// stream if it is 1 (RFC 6416, 7.1). If cpresent is absent, the configuration is in the description if that has one.
func (f *Format) latm(of media.Codec) (Config, error) {
	l := &format.MPEG4AudioLATM{PayloadTyp: f.PayloadType, CPresent: f.value(latmCPresent) == "1" || f.value(latmCPresent) == "" && f.value(aacConfig) == ""}
	var asc []byte
	if !l.CPresent {
		if l.StreamMuxConfig, asc = streamMuxConfig(hexDigits(f.value(aacConfig))); asc == nil {
			return Config{}, errors.New("unreadable-" + f.Name)
		}
	}
	p, err := LATMPayload(l)
	if err != nil {
		return Config{}, err
	}
	return f.audio(of, asc, p)
}

// streamMuxConfig reads a StreamMuxConfig (ISO/IEC 14496-3, table 1.42) and returns it with the AudioSpecificConfig in
// it. Both are nil if raw cannot be read.
//
// GStreamer writes an AudioSpecificConfig with an extension, as in files, and nothing after it. The parser then
// reads the bits of the extension as other fields, and fails or finds the reserved frame length type 2. In that
// case streamMuxConfig reads the part without the extension, and returns the AudioSpecificConfig with the extension.
func streamMuxConfig(raw []byte) (c *mpeg4audio.StreamMuxConfig, asc []byte) {
	c = &mpeg4audio.StreamMuxConfig{}
	if c.Unmarshal(raw) == nil && c.Programs[0].Layers[0].FrameLengthType != 2 {
		asc, _ = c.Programs[0].Layers[0].AudioSpecificConfig.Marshal()
		return c, asc
	}
	for n := range raw { // up to the end of the part without the extension
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

// behindHead returns the whole bytes of a StreamMuxConfig after its first 15 bits. The first AudioSpecificConfig
// begins there.
func behindHead(raw []byte) []byte {
	var out []byte
	for i := 2; i < len(raw); i++ {
		out = append(out, raw[i-1]<<7|raw[i]>>1)
	}
	return out
}

// extends reports whether b begins with a syncExtensionType (ISO/IEC 14496-3, 1.6.5.3).
func extends(b []byte) bool { return len(b) > 1 && b[0] == 0x56 && b[1]>>5 == 7 }
