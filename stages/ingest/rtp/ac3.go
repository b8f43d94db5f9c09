package rtp

import (
	"errors"

	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/codec/ac3"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// ac3 makes the Config of AC-3 (RFC 4184), and eac3 that of E-AC-3 (RFC 4598). The frames describe the track.
func (f *Format) ac3(of media.Codec) (Config, error)  { return f.dolby(of, &ac3Payload{}) }
func (f *Format) eac3(of media.Codec) (Config, error) { return f.dolby(of, &eac3Payload{}) }

func (f *Format) dolby(of media.Codec, p AudioPayload) (Config, error) {
	if f.Clock == 0 {
		return Config{}, errors.New(f.Name + "-without-a-clock-rate")
	}
	return Config{Clock: f.Clock, Audio: p, Track: ingest.TrackConfig{Codec: of, Timescale: f.Clock}}, nil
}

// dolbyHeaderBytes is the size of the header before the frames of a packet: the kind of the payload, and the number of
// frames or fragments.
const dolbyHeaderBytes = 2

// dolbyUnits holds the access units of a packet, each of which has 1536 samples.
type dolbyUnits struct {
	rate uint32 // sample rate, Hz
	part fragments
	out  [][]byte
}

func (d *dolbyUnits) duration(n int, timescale uint32) int64 {
	return media.Rescale(int64(n)*ac3.UnitSamples, d.rate, timescale)
}

// split splits data into access units. read returns the size of the unit at the beginning of its argument.
func (d *dolbyUnits) split(data []byte, read func([]byte) (n int, err error)) ([][]byte, error) {
	d.out = d.out[:0]
	for len(data) > 0 {
		n, err := read(data)
		switch {
		case err != nil:
			return nil, err
		case n > len(data):
			return nil, errShort
		case len(d.out) == maxFrames:
			return nil, errFrames
		}
		d.out, data = append(d.out, data[:n]), data[n:]
	}
	return d.out, nil
}

// join adds a fragment, which is the first one if first is true. It returns all fragments when done reports that they are
// the whole unit; until then it returns nil.
func (d *dolbyUnits) join(p *rtp.Packet, first bool, data []byte, done func(joined []byte) bool) ([]byte, error) {
	switch follows := d.part.follows(p); {
	case first:
		d.part.begin()
	case !follows, len(d.part.buf)+len(data) > maxDolbyBytes:
		d.part.open = false
		return nil, errFragment
	}
	if d.part.add(p, data); !done(d.part.buf) {
		return nil, nil
	}
	d.part.open = false
	return d.part.buf, nil
}

// maxDolbyBytes is the greatest size of the fragments of an access unit: 8 programs with 8 dependent substreams each, in
// frames of 4 KiB, would have more, but no sender has so many.
const maxDolbyBytes = 256 << 10

// ac3Payload implements RFC 4184, 4: a packet has whole frames, or a fragment of one frame.
type ac3Payload struct {
	dolbyUnits
	described ac3.Frame // without its size
}

func (a *ac3Payload) unpack(p *rtp.Packet, describe func([]byte) error) ([][]byte, error) {
	if len(p.Payload) <= dolbyHeaderBytes {
		a.part.open = false
		return nil, errShort
	}
	const whole, later = 0, 3
	kind, data := p.Payload[0]&3, p.Payload[dolbyHeaderBytes:]
	if kind != whole {
		var err error
		if data, err = a.join(p, kind != later, data, complete); data == nil {
			return nil, err
		}
	} else if a.part.open {
		a.part.open = false
	}
	return a.split(data, func(b []byte) (int, error) {
		f, err := ac3.Read(b)
		if err == nil && f.Enhanced {
			err = errPacking
		}
		if err != nil {
			return 0, err
		}
		return f.Bytes, a.describe(f, describe)
	})
}

// complete reports whether b has all of the frame at its beginning. Bytes that are no frame are complete: reading them
// again gives the error.
func complete(b []byte) bool {
	f, err := ac3.Read(b)
	return err != nil || len(b) >= f.Bytes
}

// describe passes on a description that is new.
func (a *ac3Payload) describe(f ac3.Frame, describe func([]byte) error) error {
	f.Bytes = 0
	if f == a.described {
		return nil
	}
	err := describe(f.Set())
	if err == nil {
		a.described, a.rate = f, uint32(f.Rate)
	}
	return err
}

// eac3Payload implements RFC 4598, 4: a packet has whole access units, or a fragment of one, whose last packet has the
// marker.
type eac3Payload struct {
	dolbyUnits
	described ac3.Unit // without its size
}

func (e *eac3Payload) unpack(p *rtp.Packet, describe func([]byte) error) ([][]byte, error) {
	if len(p.Payload) <= dolbyHeaderBytes {
		e.part.open = false
		return nil, errShort
	}
	data := p.Payload[dolbyHeaderBytes:]
	if fragment := p.Payload[0]&1 != 0; fragment {
		var err error
		if data, err = e.join(p, !e.part.follows(p), data, func([]byte) bool { return p.Marker }); data == nil {
			return nil, err
		}
	}
	e.part.open = false
	return e.split(data, func(b []byte) (int, error) {
		var u ac3.Unit
		if err := u.Read(b); err != nil {
			return 0, err
		}
		return u.Bytes, e.describe(u, describe)
	})
}

func (e *eac3Payload) describe(u ac3.Unit, describe func([]byte) error) error {
	set := u
	u.Bytes = 0
	if u == e.described {
		return nil
	}
	err := describe(set.Set())
	if err == nil {
		e.described, e.rate = u, uint32(u.Rate)
	}
	return err
}
