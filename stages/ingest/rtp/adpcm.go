package rtp

import (
	"fmt"

	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/g722"
	"github.com/gospool/spool/pipeline/codec/g726"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// adpcmClockHz is the rate of the RTP times of G.722 and G.726. That of G.722 is not its sample rate (RFC 3551, 4.5.2).
const adpcmClockHz = 8000

// g722 makes the Config of G.722 (RFC 3551, 4.5.2), which is recorded as LPCM. Some senders announce the sample rate,
// with times of either rate.
func (f *Format) g722(of media.Codec) (Config, error) {
	c, err := f.adpcm(of, g722.NewDecoder(), g722.SampleRate)
	if err == nil && f.Clock != adpcmClockHz {
		c.OtherClocks = []uint32{adpcmClockHz}
	}
	return c, err
}

// g726Codes returns the function that makes the Config of G.726 in codes of the given bits (RFC 3551, 4.5.4), which is
// recorded as LPCM. See g726.NewDecoder.
func g726Codes(codeBits int, lowFirst bool) func(f *Format, of media.Codec) (Config, error) {
	return func(f *Format, of media.Codec) (Config, error) {
		return f.adpcm(of, g726.NewDecoder(codeBits, lowFirst), int(f.Clock))
	}
}

func (f *Format) adpcm(of media.Codec, d adpcmDecoder, rate int) (Config, error) {
	if f.Channels > 1 {
		return Config{}, fmt.Errorf("%s with %d channels", f.Name, f.Channels)
	}
	return Config{Clock: f.Clock, Audio: &adpcmPayload{decoder: d, rate: uint32(rate)}, Track: ingest.TrackConfig{
		Codec: of, Timescale: uint32(rate), SampleRate: rate, Channels: 1,
		ParameterSets: [][]byte{codec.LPCMFormat{Bits: 16, LittleEndian: true}.Set()},
	}}, nil
}

// adpcmDecoder decodes sound whose samples are coded as differences.
type adpcmDecoder interface {
	// Append decodes coded and appends its samples to pcm, as 16 bits each, the low byte first.
	Append(pcm, coded []byte) []byte
	// Samples returns the number of samples in a number of bytes.
	Samples(bytes int) int
	// Reset returns the decoder to the beginning of a stream.
	Reset()
}

// adpcmPayload takes the decoded sound of a packet as one access unit, whatever its duration.
type adpcmPayload struct {
	decoder adpcmDecoder
	rate    uint32 // sample rate, Hz
	samples int64  // of the newest packet
	pcm     []byte
	out     [1][]byte
}

// lost implements lossy: the differences of the missing samples are unknown.
func (a *adpcmPayload) lost() { a.decoder.Reset() }

func (a *adpcmPayload) unpack(p *rtp.Packet, _ func([]byte) error) ([][]byte, error) {
	if a.samples = int64(a.decoder.Samples(len(p.Payload))); a.samples == 0 {
		return nil, errShort
	}
	a.pcm = a.decoder.Append(a.pcm[:0], p.Payload)
	a.out[0] = a.pcm
	return a.out[:], nil
}

func (a *adpcmPayload) duration(n int, timescale uint32) int64 {
	return media.Rescale(int64(n)*a.samples, a.rate, timescale)
}
