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
	d.packets.flush(d.take)
	for _, e := range d.streams {
		if e.payload != nil {
			e.payload.flush()
		}
		e.counter, e.state = continuity{}, betweenPES
	}
	d.tables.pat.counter = continuity{}
	for _, t := range d.tables.pids {
		t.counter = continuity{}
	}
	d.clock.again, d.whole = d.clock.any, false
}

// readBytes is how much of a finite stream is read at once.
const readBytes = 64 * packetBytes

// Player passes finite streams to a Demuxer, at the pace of their decoding times or as fast as possible. The media then
// arrives at its decoding times on a clock that began with the first data.
type Player struct {
	Demuxer  *Demuxer
	Clock    pipeline.Clock
	Realtime bool // else the stream is not delayed

	began time.Time
	buf   [readBytes]byte
}

// Play reads a stream to its end. It returns nil then, the cause of ctx when that ends, and an error of r or of
// Demuxer.Data. The caller closes the Demuxer.
func (p *Player) Play(ctx context.Context, r io.Reader) error {
	if p.began.IsZero() {
		p.began = p.Clock.Now()
	}
	for ctx.Err() == nil {
		n, err := io.ReadFull(r, p.buf[:])
		at := p.began.Add(time.Duration(media.ToNanos(p.Demuxer.clock.elapsed, clockHz)))
		if err := p.Demuxer.Data(p.buf[:n], at); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			p.Demuxer.whole = len(p.Demuxer.packets.held) == 0
			return nil
		case err != nil:
			return err
		}
		at = p.began.Add(time.Duration(media.ToNanos(p.Demuxer.clock.elapsed, clockHz)))
		if early := at.Sub(p.Clock.Now()); p.Realtime && early > 0 && !pipeline.Sleep(ctx, p.Clock, early, nil) {
			break
		}
	}
	return context.Cause(ctx)
}
