package ingest

import (
	"bytes"
	"errors"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpfragmented"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/media"
)

// AudioPayload takes AAC frames out of RTP packets.
type AudioPayload interface {
	// unpack gives the frames that are complete with a packet; they hold until
	// the next call. describe is called before frames of a new configuration.
	unpack(p *rtp.Packet, describe func(asc []byte) error) ([][]byte, error)
	// duration is that of the first n frames, in ticks.
	duration(n int, timescale uint32) int64
}

// frames is how long AAC frames are.
type frames struct {
	samples int64 // in a frame
	rate    uint32
}

func framesOf(c *mpeg4audio.AudioSpecificConfig) frames {
	if c.FrameLengthFlag {
		return frames{960, uint32(c.SampleRate)}
	}
	return frames{1024, uint32(c.SampleRate)}
}

func (f frames) duration(n int, timescale uint32) int64 {
	return media.Rescale(int64(n)*f.samples, f.rate, timescale)
}

// aacPayload is RFC 3640, mode AAC-hbr.
type aacPayload struct {
	frames
	d *rtpmpeg4audio.Decoder
}

// AACPayload makes the depacketizer of a format.
func AACPayload(f *format.MPEG4Audio) (AudioPayload, error) {
	d, err := f.CreateDecoder()
	if err != nil {
		return nil, err
	}
	return &aacPayload{framesOf(f.Config), d}, nil
}

func (a *aacPayload) unpack(p *rtp.Packet, _ func([]byte) error) ([][]byte, error) {
	var out [][]byte
	err := parse(func() (err error) { out, err = a.d.Decode(p); return err })
	if errors.Is(err, rtpmpeg4audio.ErrMorePacketsNeeded) {
		return nil, nil
	}
	return out, err
}

// latmPayload is RFC 6416: LATM, its configuration in the session description
// (cpresent=0) or in the stream.
type latmPayload struct {
	frames
	d      *rtpfragmented.Decoder
	inBand bool
	config *mpeg4audio.StreamMuxConfig
	asc    []byte // what was described last, in band
}

// LATMPayload makes the depacketizer of a format.
func LATMPayload(f *format.MPEG4AudioLATM) (AudioPayload, error) {
	d, err := f.CreateDecoder()
	if err != nil {
		return nil, err
	}
	l := &latmPayload{d: d, inBand: f.CPresent, config: f.StreamMuxConfig}
	if l.config != nil {
		l.frames = framesOf(latmConfig(l.config))
	}
	return l, nil
}

// latmConfig is the configuration of the first layer of the first program, which
// is the one that is recorded.
func latmConfig(c *mpeg4audio.StreamMuxConfig) *mpeg4audio.AudioSpecificConfig {
	return c.Programs[0].Layers[0].AudioSpecificConfig
}

func (l *latmPayload) unpack(p *rtp.Packet, describe func([]byte) error) ([][]byte, error) {
	element := mpeg4audio.AudioMuxElement{MuxConfigPresent: l.inBand, StreamMuxConfig: l.config}
	var out [][]byte
	err := parse(func() error {
		buf, err := l.d.Decode(p)
		if err != nil {
			return err
		}
		if err := element.Unmarshal(buf); err != nil {
			return err
		}
		for _, sub := range element.Payloads {
			out = append(out, sub[0][0])
		}
		return nil
	})
	if errors.Is(err, rtpfragmented.ErrMorePacketsNeeded) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if l.inBand && element.StreamMuxConfig != l.config {
		if err := l.configure(element.StreamMuxConfig, describe); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// configure takes a configuration from the stream, where it is repeated often.
func (l *latmPayload) configure(c *mpeg4audio.StreamMuxConfig, describe func([]byte) error) error {
	asc, err := latmConfig(c).Marshal()
	if err != nil {
		return err
	}
	l.config, l.frames = c, framesOf(latmConfig(c))
	if bytes.Equal(asc, l.asc) {
		return nil
	}
	l.asc = asc
	return describe(asc)
}
