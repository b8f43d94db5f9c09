package mpegts

import (
	"encoding/binary"
	"errors"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/guard"
)

// latmFrames reads AAC in LATM, in the frames of LOAS (ISO/IEC 14496-3, 1.7.2): an AudioSyncStream.
type latmFrames struct {
	element mpeg4audio.AudioMuxElement
	config  *mpeg4audio.StreamMuxConfig // newest one; nil: none has come
	asc     []byte                      // its AudioSpecificConfig
	samples int64                       // of a unit
	rate    int
}

const loasHeaderBytes = 3

var errNoConfig = errors.New("no configuration has come")

func (l *latmFrames) frame(b []byte, final bool) (f frame, err error) {
	if len(b) < loasHeaderBytes {
		return f, partly(b, 0x56)
	}
	header := binary.BigEndian.Uint16(b)
	if header&0xffe0 != 0x56e0 {
		return f, errSync
	}
	f.bytes = loasHeaderBytes + int(header&0x1f)<<8 + int(b[2])
	if len(b) < f.bytes {
		return f, nil
	}
	l.element = mpeg4audio.AudioMuxElement{MuxConfigPresent: true, StreamMuxConfig: l.config}
	if err := guard.Call(func() error { return l.element.Unmarshal(b[loasHeaderBytes:f.bytes]) }); err != nil {
		return f, err
	}
	if err := l.configure(l.element.StreamMuxConfig); err != nil {
		return f, err
	}
	return frame{f.bytes, l.samples * int64(len(l.element.Payloads)), l.rate}, nil
}

// configure takes the configuration of an element.
func (l *latmFrames) configure(c *mpeg4audio.StreamMuxConfig) error {
	if c == l.config {
		return nil
	}
	if len(c.Programs) == 0 || len(c.Programs[0].Layers) == 0 || c.Programs[0].Layers[0].AudioSpecificConfig == nil {
		return errNoConfig
	}
	asc, err := c.Programs[0].Layers[0].AudioSpecificConfig.Marshal()
	if err != nil {
		return err
	}
	read, err := codec.ReadAudioSpecificConfig(asc)
	if err != nil {
		return err
	}
	l.config, l.asc, l.samples, l.rate = c, asc, int64(read.FrameSamples), read.CoreRate
	return nil
}

func (l *latmFrames) units(_ []byte, s *sound) {
	if !s.describe(l.asc) {
		return
	}
	for _, sub := range l.element.Payloads {
		s.unit(sub[0][0], l.samples)
	}
}
