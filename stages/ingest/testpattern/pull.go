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

// puller publishes the stream on the hub, from its first frame at each Pull.
type puller struct {
	hub.PullOptions
	o     Options
	epoch time.Time // of the Mono clock, which continues over all Pulls
}

func newPuller(p hub.PullOptions) (hub.Puller, error) {
	o, err := Parse(p.URL)
	if err != nil {
		return nil, err
	}
	return &puller{PullOptions: p, o: o, epoch: p.Clock.Now()}, nil
}

// Pull publishes until the context or the publisher ends, or the stream has reached its duration, and then returns
// nil.
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

// live is one Pull.
type live struct {
	*puller
	g     *Generator
	pub   *hub.Publisher
	began time.Time // when the first frame was due
}

// next publishes one access unit at its time, and reports whether there was one left.
//
// Each due time is counted from the beginning, so that the rate is exact for as long as the stream runs. Frames that
// are late, because the machine was busy or asleep, are published at once: no frame is left out.
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
	// If the wall clock is stepped, the frames' clock steps along; the delay of this frame does not show in it.
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

// wait returns at the time of an access unit, ns after the first, or with the cause of the context's end. A replaced
// publisher returns an error at the next Write, a frame later at most.
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
