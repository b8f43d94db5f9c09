package mpegts

import (
	"errors"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/ac3"
	"github.com/gospool/spool/pipeline/codec/adts"
)

// adtsFrames reads AAC in ADTS (ISO/IEC 14496-3, 1.A.2).
type adtsFrames struct{ header adts.Header }

func (a *adtsFrames) frame(b []byte, final bool) (f frame, err error) {
	const headerBytes = 7
	if len(b) < headerBytes && !final {
		return f, partly(b, 0xff)
	}
	if a.header, err = adts.Read(b); err != nil {
		return f, err
	}
	return frame{a.header.Bytes, adts.FrameSamples, a.header.Rate()}, nil
}

func (a *adtsFrames) units(b []byte, s *sound) {
	set := a.header.Config()
	if s.describe(set[:]) {
		s.unit(b[a.header.HeaderBytes:], adts.FrameSamples)
	}
}

var errSync = errors.New("no frame begins here")

// partly returns an error if b does not begin with the first byte of a frame.
func partly(b []byte, first byte) error {
	if len(b) > 0 && b[0] != first {
		return errSync
	}
	return nil
}

// mp3Frames reads MPEG audio.
type mp3Frames struct {
	header codec.MP3Frame
	set    []byte         // of the newest frame
	of     codec.MP3Frame // the frame that set describes, without its sizes
}

func (m *mp3Frames) frame(b []byte, final bool) (f frame, err error) {
	if len(b) < 4 && !final {
		return f, partly(b, 0xff)
	}
	if m.header, err = codec.ReadMP3Frame(b); err != nil {
		return f, err
	}
	return frame{m.header.Bytes, int64(m.header.Samples), m.header.Rate}, nil
}

func (m *mp3Frames) units(b []byte, s *sound) {
	of := m.header
	of.Layer, of.Bytes, of.Samples = 0, 0, 0
	if of != m.of {
		m.of, m.set = of, of.Set()
	}
	if s.describe(m.set) {
		s.unit(b, int64(m.header.Samples))
	}
}

// ac3Frames reads AC-3 (ETSI TS 102 366).
type ac3Frames struct {
	header ac3.Frame
	set    []byte    // of the newest frame
	of     ac3.Frame // the frame that set describes, without its size
}

func (a *ac3Frames) frame(b []byte, final bool) (f frame, err error) {
	if len(b) < ac3.HeaderBytes && !final {
		return f, partly(b, 0x0b)
	}
	a.header, err = ac3.Read(b)
	if err == nil && a.header.Enhanced {
		err = errSync
	}
	if err != nil {
		return f, err
	}
	return frame{a.header.Bytes, ac3.UnitSamples, a.header.Rate}, nil
}

func (a *ac3Frames) units(b []byte, s *sound) {
	of := a.header
	of.Bytes = 0
	if of != a.of {
		a.of, a.set = of, of.Set()
	}
	if s.describe(a.set) {
		s.unit(b, ac3.UnitSamples)
	}
}

// eac3Frames reads E-AC-3 (ETSI TS 102 366, annex E). A unit ends where the next one begins.
type eac3Frames struct {
	unit ac3.Unit
	set  []byte   // of the newest unit
	of   ac3.Unit // the unit that set describes
}

func (e *eac3Frames) frame(b []byte, final bool) (f frame, err error) {
	if len(b) < ac3.HeaderBytes && !final {
		return f, partly(b, 0x0b)
	}
	err = e.unit.Read(b)
	if errors.Is(err, ac3.ErrCut) && !final {
		if first, err := ac3.Read(b); err != nil || !first.Enhanced {
			return f, errSync
		}
		return f, nil
	}
	if err != nil {
		return f, err
	}
	if e.unit.Bytes == len(b) && !final { // a dependent substream may follow
		return f, nil
	}
	return frame{e.unit.Bytes, ac3.UnitSamples, e.unit.Rate}, nil
}

func (e *eac3Frames) units(b []byte, s *sound) {
	// The set has the bit rate, which may differ from unit to unit: that of the first one is kept.
	of := e.unit
	of.Bytes = 0
	if of != e.of {
		e.of, e.set = of, e.unit.Set()
	}
	if s.describe(e.set) {
		s.unit(b, ac3.UnitSamples)
	}
}
