package testpattern

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/hub"
)

const scheme = "testpattern"

func init() { hub.RegisterScheme(scheme, newPuller) }

// puller publishes the stream on the hub. Each call of Pull begins with the first frame.
type puller struct {
	hub.PullOptions
	o     Options
	epoch time.Time // zero of MonoNS, which increases over all calls of Pull
}

func newPuller(p hub.PullOptions) (hub.Puller, error) {
	if p.Fingerprint != "" {
		return nil, errors.New("tls.fingerprint has no effect with testpattern: it is for connections by TLS")
	}
	o, err := Parse(p.URL)
	if err != nil {
		return nil, err
	}
	return &puller{PullOptions: p, o: o, epoch: p.Clock.Now()}, nil
}

// Pull publishes the stream. It returns nil when the stream has reached its duration, the cause of ctx when that ends,
// and the error by which the publisher ends.
func (p *puller) Pull(ctx context.Context, publish func(origin string) (*hub.Publisher, error)) error {
	g, err := New(p.o)
	if err != nil {
		return err
	}
	pub, err := publish(fmt.Sprintf("test pattern %dx%d, %v frames a second", p.o.Width, p.o.Height, p.o.FPS))
	if err != nil {
		return err
	}
	if err := pub.SetTracks(g.Tracks()); err != nil {
		return err
	}
	l := live{puller: p, g: g, pub: pub, began: p.Clock.Now()}
	for {
		if more, err := l.next(ctx); err != nil || !more {
			return err
		}
	}
}

// live is the state of one Pull.
type live struct {
	*puller
	g     *Generator
	pub   *hub.Publisher
	began time.Time // time at which the first frame was due
}

// next publishes the next access unit at its time. more is false if the stream has ended.
//
// Each time is counted from the beginning, so that the rate is exact for as long as the stream runs. A frame that
// is late, because the machine was busy or asleep, is published at once; no frame is left out.
func (l *live) next(ctx context.Context) (more bool, err error) {
	_, ns, more := l.g.peek()
	if !more {
		return false, nil
	}
	if err := l.wait(ctx, ns); err != nil {
		return false, err
	}
	now, elapsed := l.began, time.Duration(0)
	if l.o.Speed == Realtime {
		now = l.Clock.Now()
		elapsed = now.Sub(l.began)
	}
	// The frames follow a step of the wall clock; the delay of this frame does not change its UTC.
	l.g.o.UTC = now.UnixNano() - int64(elapsed)
	track, au := l.g.Next()
	au.MonoNS, au.SteppedNS = int64(now.Sub(l.epoch)), int64(pipeline.Stepped(now))
	if l.o.Speed == Max {
		au.MonoNS += ns
	}
	err = l.pub.Write(track, au)
	if errors.Is(err, hub.ErrReplaced) || errors.Is(err, hub.ErrClosed) {
		return false, err
	}
	return true, nil // any other error concerns this unit alone, and the hub counts it
}

// wait waits until an access unit is due: until ns have passed since the first access unit was due. If ctx has
// ended, it returns the cause. It does not notice that the publisher was replaced; the next Write returns that
// error.
func (l *live) wait(ctx context.Context, ns int64) error {
	early := time.Duration(0)
	if l.o.Speed == Realtime {
		early = time.Duration(ns) - l.Clock.Now().Sub(l.began)
	}
	if early > 0 && pipeline.Sleep(ctx, l.Clock, early, nil) {
		return nil
	}
	return context.Cause(ctx)
}
