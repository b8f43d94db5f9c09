package rtmp

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/rtmp/flv"
)

// frames unpacks a codec of sound whose packets are frames of a known number of samples: AAC and FLAC.
type frames struct {
	read    func(data []byte) (set []byte, samples, rate int, err error) // reads a configuration
	set     []byte                                                       // of the newest configuration
	samples int                                                          // 0: unknown
	rate    int
}

func (f *frames) take(data []byte) error {
	set, samples, rate, err := f.read(bytes.Clone(data))
	if err == nil {
		f.set, f.samples, f.rate = set, samples, rate
	}
	return err
}

func (f *frames) config(t *track, data []byte) error {
	before := f.set
	if err := f.take(data); err != nil || bytes.Equal(f.set, before) {
		return err
	}
	return t.to.Describe(f.set)
}

func (f *frames) frame(t *track, k *flv.Packet, ns int64, now time.Time) error {
	return t.heard(k.Data, ns, f.samples, f.rate, now)
}

// openFrames opens a track at its configuration.
func openFrames(o *opener, k *flv.Packet, f *frames) (unpacker, error) {
	if k.Kind != flv.Config || len(k.Data) == 0 {
		return nil, nil
	}
	if err := f.take(k.Data); err != nil {
		return nil, err
	}
	o.track.Timescale, o.track.ParameterSets = uint32(f.rate), [][]byte{f.set}
	return f, nil
}

func openAAC(o *opener, k *flv.Packet) (unpacker, error) {
	f := &frames{read: func(asc []byte) ([]byte, int, int, error) {
		a, err := codec.ReadAudioSpecificConfig(asc)
		return asc, a.FrameSamples, a.CoreRate, err
	}}
	if a, err := codec.ReadUSACConfig(k.Data); k.Kind == flv.Config && err == nil {
		o.track.Codec = usacCodec
		f.read = func(asc []byte) ([]byte, int, int, error) {
			a, err = codec.ReadUSACConfig(asc)
			return asc, a.FrameSamples, a.Rate, err
		}
	}
	return openFrames(o, k, f)
}

func openFLAC(o *opener, k *flv.Packet) (unpacker, error) {
	return openFrames(o, k, &frames{read: readFLAC})
}

// readFLAC reads STREAMINFO: alone, behind the header of its block, or behind that and the marker of a stream (RFC 9639,
// 8). Senders differ.
func readFLAC(data []byte) (set []byte, samples, rate int, err error) {
	const header, block = 4, 34
	data = bytes.TrimPrefix(data, []byte(flacMarker))
	if len(data) >= header+block && data[0]&0x7f == 0 && data[1] == 0 && data[2] == 0 && data[3] == block {
		data = data[header:]
	}
	info, err := codec.ReadFLACInfo(data)
	if err != nil {
		return nil, 0, 0, err
	}
	if info.MinBlock == info.MaxBlock {
		samples = int(info.MinBlock)
	}
	return info.Set(), samples, info.Rate, nil
}

// opusFrames unpacks Opus, whose packets have their duration.
type opusFrames struct {
	codec    media.Codec
	channels int // of the newest description; 0: none yet
}

func openOpus(o *opener, k *flv.Packet) (unpacker, error) {
	p := &opusFrames{codec: o.track.Codec}
	set, err := p.describe(k)
	if set == nil || err != nil {
		return nil, err
	}
	o.track.Timescale, o.track.ParameterSets = codec.OpusRate, [][]byte{set}
	return p, nil
}

// describe returns the parameter set that a packet makes necessary, or nil: a configuration is an identification header
// (RFC 7845, 5.1). The times of a live stream are those of the decoded samples, so nothing is skipped at the beginning.
func (p *opusFrames) describe(k *flv.Packet) ([]byte, error) {
	c := codec.OpusConfig{}
	switch data := k.Data; {
	case k.Kind != flv.Config && len(data) > 0: // without a configuration the packets say what they are (RFC 6716, 3.1)
		if c.Channels = 1 + int(data[0]>>2&1); c.Channels <= p.channels {
			return nil, nil
		}
	case k.Kind != flv.Config:
		return nil, nil
	case len(data) < 19 || data[9] == 0:
		return nil, errors.New("the header of Opus is cut")
	default:
		const family, mapping = 18, 19
		c.Channels = int(data[9])
		if data[family] != 0 {
			c.Mapping = data[mapping:]
		}
	}
	set := c.Set()
	if _, err := codec.Describe(p.codec, codec.OpusRate, [][]byte{set}); err != nil {
		return nil, err
	}
	p.channels = c.Channels
	return set, nil
}

func (p *opusFrames) config(t *track, data []byte) error {
	set, err := p.describe(&flv.Packet{Kind: flv.Config, Data: data})
	if err != nil {
		return err
	}
	return t.to.Describe(set)
}

var errSound = errors.New("a frame of sound is malformed")

func (p *opusFrames) frame(t *track, k *flv.Packet, ns int64, now time.Time) error {
	const longest = codec.OpusRate * 120 / 1000 // RFC 6716, 3.2.5
	samples := opus.PacketDuration2(k.Data)
	if samples <= 0 || samples > longest {
		return errSound
	}
	if set, err := p.describe(k); err != nil {
		return err
	} else if set != nil {
		if err := t.to.Describe(set); err != nil {
			return err
		}
	}
	return t.heard(k.Data, ns, int(samples), codec.OpusRate, now)
}

// maxFrames bounds the frames of sound of a message.
const maxFrames = 1024

// header is what the header of a frame says.
type header struct {
	bytes, samples, rate int
	set                  []byte // parameter set, if it is not that of the frame before
}

// framed unpacks a codec of sound whose frames describe the track, and say how long they are.
type framed struct {
	read func(b []byte) (header, error)
}

// openFramed returns an opener. read makes the function that reads the headers of one track.
func openFramed(read func() func([]byte) (header, error)) func(*opener, *flv.Packet) (unpacker, error) {
	return func(o *opener, k *flv.Packet) (unpacker, error) {
		if k.Kind == flv.Config || len(k.Data) == 0 {
			return nil, nil
		}
		f := &framed{read: read()}
		h, err := f.read(k.Data)
		if err != nil {
			return nil, err
		}
		o.track.Timescale, o.track.ParameterSets = uint32(h.rate), [][]byte{h.set}
		return f, nil
	}
}

func (f *framed) config(*track, []byte) error { return nil }

func (f *framed) frame(t *track, k *flv.Packet, ns int64, now time.Time) error {
	data := k.Data
	for n := 0; len(data) > 0; n++ {
		h, err := f.read(data)
		switch {
		case err != nil:
			return err
		case h.bytes > len(data), h.bytes <= 0, n == maxFrames:
			return errSound
		}
		if h.set != nil {
			if err := t.to.Describe(h.set); err != nil {
				return err
			}
		}
		if err := t.heard(data[:h.bytes], ns, h.samples, h.rate, now); err != nil {
			return err
		}
		data = data[h.bytes:]
		ns += media.ToNanos(int64(h.samples), uint32(h.rate))
	}
	return nil
}

// pcm unpacks uncompressed sound, and G.711.
type pcm struct {
	frameBytes, rate int                            // of one sample of all channels, as sent
	expand           func(out, codes []byte) []byte // nil: the samples are stored as they are sent
	buf              []byte
}

func openALaw(o *opener, k *flv.Packet) (unpacker, error)  { return openG711(o, k, appendALaw) }
func openMuLaw(o *opener, k *flv.Packet) (unpacker, error) { return openG711(o, k, appendMuLaw) }

// openG711 opens a track of G.711, whose rate is 8 kHz whatever the message says (E.4.2.1).
func openG711(o *opener, k *flv.Packet, expand func(out, codes []byte) []byte) (unpacker, error) {
	const rate = 8000
	p := &pcm{frameBytes: k.Sound.Channels, rate: rate, expand: expand}
	if o.keepG711 {
		o.track.Codec, p.expand = kept[k.Codec], nil
	} else {
		o.track.ParameterSets = [][]byte{codec.LPCMFormat{Bits: 16, LittleEndian: true}.Set()}
	}
	o.track.Timescale, o.track.SampleRate, o.track.Channels = rate, rate, k.Sound.Channels
	return p, nil
}

func openLPCM(o *opener, k *flv.Packet) (unpacker, error) {
	if k.Sound.Bits != 16 {
		return nil, unfit{fmt.Errorf("uncompressed sound of %d bits", k.Sound.Bits)}
	}
	o.track.ParameterSets = [][]byte{codec.LPCMFormat{Bits: k.Sound.Bits, LittleEndian: true}.Set()}
	o.track.Timescale, o.track.SampleRate, o.track.Channels = uint32(k.Sound.Rate), k.Sound.Rate, k.Sound.Channels
	return &pcm{frameBytes: 2 * k.Sound.Channels, rate: k.Sound.Rate}, nil
}

func (p *pcm) config(*track, []byte) error { return nil }

func (p *pcm) frame(t *track, k *flv.Packet, ns int64, now time.Time) error {
	if len(k.Data)%p.frameBytes != 0 {
		return errSound
	}
	data := k.Data
	if p.expand != nil {
		p.buf = p.expand(p.buf[:0], data)
		data = p.buf
	}
	p.buf = reusable(p.buf)
	return t.heard(data, ns, len(k.Data)/p.frameBytes, p.rate, now)
}
