package rtp

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/g711"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
)

// compress holds the code of G.711 of each 16-bit sample.
type compress [1 << 16]byte

var muLaw, aLaw = sync.OnceValue(func() *compress {
	return compressedBy(func(samples []byte) ([]byte, error) { return g711.Mulaw(samples).Marshal() })
}), sync.OnceValue(func() *compress {
	return compressedBy(func(samples []byte) ([]byte, error) { return g711.Alaw(samples).Marshal() })
})

// compressedBy returns the codes of all samples. code returns those of samples, big-endian.
func compressedBy(code func(samples []byte) ([]byte, error)) *compress {
	all := make([]byte, 0, 2<<16)
	for i := range 1 << 16 {
		all = binary.BigEndian.AppendUint16(all, uint16(i))
	}
	var c compress
	codes, _ := code(all) // no error: the samples are whole
	copy(c[:], codes)
	return &c
}

// lawFormat is the format of a track that is compressed by a law of G.711.
type lawFormat struct{ *format.G711 }

// DescribeCompressed returns the format of a track of 8000 samples a second, one channel, as G.711 (RFC 3551, 4.5.14). Such a
// track is LPCM in recordings, and mostly was G.711 before: then mu-law gives the samples back unchanged, if it was mu-law.
// The error says that the track is another.
func DescribeCompressed(t *media.Track, useMuLaw bool) (format.Format, error) {
	if t.Codec != codec.LPCM || t.SampleRate != 8000 || t.Channels != 1 || t.ParameterSets[0][1] != 16 {
		return nil, errors.New("only LPCM of 16 bits, 8000 Hz, mono is sent as G.711")
	}
	f := &format.G711{PayloadTyp: 8, MULaw: useMuLaw, SampleRate: 8000, ChannelCount: 1}
	if useMuLaw {
		f.PayloadTyp = 0
	}
	return lawFormat{f}, nil
}

// form returns the form in which LPCM is sent as G.711.
func (f lawFormat) form() *form {
	by := aLaw()
	if f.MULaw {
		by = muLaw()
	}
	return &form{packetise: func(s *Sender, f *Frames, _ *live.Unit) {
		littleEndian := s.track.ParameterSets[0][0]&1 != 0
		at := s.newest
		for s.payload.left >= 2 {
			n := min(s.payload.left/2, s.mostBytes)
			place := s.open(f, at, false)
			for range n {
				s.scratch = s.payload.appendTo(s.scratch[:0], 2)
				sample := binary.BigEndian.Uint16(s.scratch)
				if littleEndian {
					sample = binary.LittleEndian.Uint16(s.scratch)
				}
				f.b = append(f.b, by[sample])
			}
			s.close(f, place)
			at += uint32(n)
		}
	}}
}
