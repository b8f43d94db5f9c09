package rtp

import (
	"encoding/binary"
	"errors"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/g711"
	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// expand holds the 16-bit samples, little-endian, that G.711 codes as one byte each.
type expand [256][2]byte

var muLaw, aLaw = expandedBy(func(code []byte) []byte {
	var out g711.Mulaw
	out.Unmarshal(code)
	return out
}), expandedBy(func(code []byte) []byte {
	var out g711.Alaw
	out.Unmarshal(code)
	return out
})

// expandedBy returns the samples of all codes. decode returns the sample of one code, big-endian.
func expandedBy(decode func(code []byte) []byte) *expand {
	var e expand
	for code := range e {
		binary.LittleEndian.PutUint16(e[code][:], binary.BigEndian.Uint16(decode([]byte{byte(code)})))
	}
	return &e
}

// AppendMuLaw and AppendALaw append the 16-bit samples, little-endian, of G.711 codes to out. Other protocols that carry
// G.711 use them.
func AppendMuLaw(out, codes []byte) []byte { return muLaw.append(out, codes) }
func AppendALaw(out, codes []byte) []byte  { return aLaw.append(out, codes) }

func (e *expand) append(out, codes []byte) []byte {
	for _, code := range codes {
		out = append(out, e[code][:]...)
	}
	return out
}

// pcmu and pcma make the Config of G.711 (RFC 3551, 4.5.14), which is recorded as LPCM.
func (f *Format) pcmu(of media.Codec) (Config, error) { return f.g711(of, muLaw) }
func (f *Format) pcma(of media.Codec) (Config, error) { return f.g711(of, aLaw) }

func (f *Format) g711(of media.Codec, by *expand) (Config, error) {
	return f.lpcm(of, codec.LPCMFormat{Bits: 16, LittleEndian: true}, &pcmPayload{frameBytes: 1, by: by})
}

// l16 and l24 make the Config of LPCM in network byte order (RFC 3551, 4.5.11; RFC 3190, 4).
func (f *Format) l16(of media.Codec) (Config, error) {
	return f.lpcm(of, codec.LPCMFormat{Bits: 16}, &pcmPayload{frameBytes: 2})
}

func (f *Format) l24(of media.Codec) (Config, error) {
	return f.lpcm(of, codec.LPCMFormat{Bits: 24}, &pcmPayload{frameBytes: 3})
}

func (f *Format) lpcm(of media.Codec, format codec.LPCMFormat, p *pcmPayload) (Config, error) {
	return f.pcm(of, [][]byte{format.Set()}, p)
}

// pcm returns the Config of a track. p.frameBytes is the size of one sample.
func (f *Format) pcm(of media.Codec, sets [][]byte, p *pcmPayload) (Config, error) {
	if f.Clock == 0 {
		return Config{}, errors.New(f.Name + " without a sample rate")
	}
	channels := max(int(f.Channels), 1)
	p.frameBytes *= channels
	p.rate = f.Clock
	return Config{Clock: f.Clock, Audio: p, Track: ingest.TrackConfig{
		Codec: of, Timescale: f.Clock, SampleRate: int(f.Clock), Channels: channels, ParameterSets: sets,
	}}, nil
}

// pcmPayload takes the sound of a packet as one access unit, whatever its duration.
type pcmPayload struct {
	frameBytes int     // size of the samples of all channels in a packet
	by         *expand // nil: the samples are stored as they are sent
	rate       uint32  // sample rate, Hz
	samples    int64   // samples a channel of the newest packet
	expanded   []byte
	out        [1][]byte
}

func (l *pcmPayload) unpack(p *rtp.Packet, _ func([]byte) error) ([][]byte, error) {
	if len(p.Payload) == 0 || len(p.Payload)%l.frameBytes != 0 {
		return nil, errShort
	}
	l.samples, l.out[0] = int64(len(p.Payload)/l.frameBytes), p.Payload
	if l.by != nil {
		l.expanded = l.by.append(l.expanded[:0], p.Payload)
		l.out[0] = l.expanded
	}
	return l.out[:], nil
}

func (l *pcmPayload) duration(n int, timescale uint32) int64 {
	return media.Rescale(int64(n)*l.samples, l.rate, timescale)
}
