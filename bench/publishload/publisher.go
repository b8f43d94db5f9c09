package publishload

import (
	"context"
	"fmt"
	"time"
)

// drainWithin is the longest time for which a publisher waits, at its end, until the server has what was sent.
const drainWithin = 30 * time.Second

// publisher sends the clip of a load to one URL.
type publisher struct {
	url       string
	number    int // from 1
	dial      dial
	fps       int64
	withSound bool
	fast      bool            // send as fast as possible
	begin     <-chan struct{} // closed at the time of the first picture, or before
	count     *counters
	sent      *Sent

	conn  connection
	sound sound
}

// run publishes until the context ends, and then returns nil, or until an error of the connection. It calls ready
// when the server has accepted the publisher.
func (p *publisher) run(ctx context.Context, ready func()) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("publish %s: %w", p.url, err)
		}
	}()
	if p.conn, err = p.dial(ctx, p.url, p.number); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer p.conn.close()
	p.count.publishers.Add(1)
	defer p.count.publishers.Add(-1)
	ready()
	if err := p.send(ctx); err != nil {
		return err
	}
	return p.conn.finish()
}

// send sends access units until the context ends: each picture at its time, or as fast as possible, and with it the
// sound of its duration.
func (p *publisher) send(ctx context.Context) error {
	select {
	case <-p.begin:
	case <-ctx.Done():
	}
	frame := time.Second / time.Duration(p.fps)
	timer := time.NewTimer(0)
	defer timer.Stop()
	began := time.Now()
	for n := int64(0); ; n++ {
		if wait := time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(p.fps))); !p.fast {
			if wait < -frame {
				p.count.late.Add(1)
			}
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := p.picture(ctx, n); err != nil {
			return err
		}
		if p.withSound {
			if err := p.frames(ctx, n); err != nil {
				return err
			}
		}
	}
}

// picture sends the n-th picture. A picture that the end of ctx cuts off does not count as sent.
func (p *publisher) picture(ctx context.Context, n int64) error {
	ok, err := p.conn.picture(ctx, n)
	if ok {
		p.count.units.Add(1)
		p.sent.Pictures++
	}
	return err
}

// frames sends the frames of sound that belong to the n-th picture.
func (p *publisher) frames(ctx context.Context, n int64) error {
	frames, first := p.sound.until(n, p.fps)
	if len(frames) == 0 {
		return nil
	}
	ok, err := p.conn.sound(ctx, frames, first)
	if ok {
		p.count.units.Add(int64(len(frames)))
		p.sent.Frames += int64(len(frames))
	}
	return err
}
