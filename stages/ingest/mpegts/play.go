package mpegts

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// IsStream reports whether b, the beginning of a stream, has packets of a transport stream. It needs some hundred bytes.
func IsStream(b []byte) bool {
	for at := 0; at+searchBytes <= len(b) && at <= strides[2]; at++ {
		if strideAt(b[at:]) > 0 {
			return true
		}
	}
	return false
}

// SniffBytes is how many bytes IsStream needs.
const SniffBytes = searchBytes + 204

// Again begins a finite stream again, after its end was passed to Data. The times of the tracks go on behind those before.
func (d *Demuxer) Again() {
	d.Flush(false)
	d.clock.again = d.clock.any
}

// Flush passes on what is held, because the next data does not follow the data before. With whole, the data before has
// come to an end with whole access units.
func (d *Demuxer) Flush(whole bool) {
	d.whole = d.whole || whole && len(d.packets.held) == 0
	d.Recount()
	for _, e := range d.streams {
		if e.payload != nil {
			e.payload.flush()
		}
		e.state = betweenPES
	}
	d.whole = false
}

// Recount begins another part of a stream, such as a file of several that follow each other. Its first byte begins a
// packet, and the counters of its packets may begin anew.
func (d *Demuxer) Recount() {
	d.packets.flush(d.take)
	for _, e := range d.streams {
		e.counter = continuity{}
	}
	d.tables.pat.counter = continuity{}
	for _, t := range d.tables.pids {
		t.counter = continuity{}
	}
}

// Elapsed returns the time from the first decoding time of the stream to the newest one, without jumps of the sender's
// clock.
func (d *Demuxer) Elapsed() time.Duration {
	return time.Duration(media.ToNanos(d.clock.elapsed, clockHz))
}

// readBytes is how much of a finite stream is read at once.
const readBytes = 64 * packetBytes

// Player passes finite streams to a Demuxer, at the pace of their decoding times or as fast as possible. The media then
// arrives at its decoding times on a clock that began with the first data.
type Player struct {
	Demuxer  *Demuxer
	Clock    pipeline.Clock
	Realtime bool // else the stream is not delayed

	buf [readBytes]byte
}

// Play reads a stream to its end. It returns nil then, the cause of ctx when that ends, and an error of r or of
// Demuxer.Data. The caller closes the Demuxer.
func (p *Player) Play(ctx context.Context, r io.Reader) error {
	for ctx.Err() == nil {
		if end, err := p.Step(r); end || err != nil {
			return err
		}
		early := p.Demuxer.present().Sub(p.Clock.Now())
		if p.Realtime && early > 0 && !pipeline.Sleep(ctx, p.Clock, early, nil) {
			break
		}
	}
	return context.Cause(ctx)
}

// Step reads a piece of a stream without delay. end reports that it was the last one.
func (p *Player) Step(r io.Reader) (end bool, err error) {
	d := p.Demuxer
	if d.began.IsZero() {
		d.began = p.Clock.Now()
	}
	n, err := io.ReadFull(r, p.buf[:])
	if err := d.Data(p.buf[:n], d.present()); err != nil {
		return false, err
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		d.cut = len(d.packets.held)
		d.whole = d.cut == 0
		return true, nil
	}
	return false, err
}

// present returns the time at which the newest media of a finite stream arrives.
func (d *Demuxer) present() time.Time {
	return d.began.Add(d.Elapsed())
}

// arrive makes the data that follows arrive at the newest decoding time, if a Player plays the stream. So a long distance of
// two times is no jump of the sender's clock.
func (d *Demuxer) arrive() {
	if !d.began.IsZero() {
		d.at = d.present()
	}
}
