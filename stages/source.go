package stages

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// SourceConfig has no settings: the run names the stream.
type SourceConfig struct{}

func init() {
	pipeline.RegisterSource("source", SourceConfig{},
		"Reads the live stream of the run, from the newest key frame on. It waits for a publisher, and ends when the publisher leaves.",
		newSource)
}

// source reads the run's stream from the hub.
//
// Invariant: the publisher never waits for this stage. The subscription has a bounded queue in the
// hub, which drops and counts whole GOPs when the next stage is slow. If that stage is a gop_ring,
// it takes chunks without delay.
type source struct {
	hub      *hub.Hub
	path     string
	stage    string
	handover *pipeline.Handover
	clock    pipeline.Clock
	of       pipeline.Publishers // publishers that the run records
	sub      atomic.Pointer[hub.Subscription]

	mu    sync.Mutex // guards marks
	marks eventMarks
}

func newSource(set pipeline.Settings, _ SourceConfig) (pipeline.Source[*media.Chunk], error) {
	h, err := pipeline.Use[*hub.Hub](set)
	if err != nil {
		return nil, err
	}
	return &source{hub: h, path: set.Stream, stage: set.Stage, handover: set.Handover, clock: set.Clock, of: set.For}, nil
}

// Prepare subscribes to the stream for the first run of a job, and leaves the subscription in the handover. A
// publisher that leaves before the run has started is recorded too. A subscription that an earlier job has left
// stays. It implements pipeline.Prepares.
func (SourceConfig) Prepare(set pipeline.Settings) {
	left := set.Handover.Take(set.Stage)
	if left == nil {
		h, err := pipeline.Use[*hub.Hub](set)
		if err != nil {
			return
		}
		sub, err := h.Subscribe(set.Stream)
		if err != nil {
			return
		}
		left = sub
	}
	set.Handover.Leave(set.Stage, left)
}

// Run emits the chunks of the subscription, and ends when the publisher leaves. When the run is
// drained, Run emits the media up to the newest access unit received.
func (s *source) Run(ctx context.Context, emit pipeline.Emit[*media.Chunk]) error {
	sub, err := s.subscribe()
	if errors.Is(err, hub.ErrClosed) {
		return pipeline.End(endcause.Shutdown)
	}
	if err != nil {
		return err
	}
	defer sub.Close()
	s.sub.Store(sub)
	if s.of == pipeline.PresentPublisher { // the publisher may have left since the run was requested
		sub.EndWithPublisher()
	}
	if err := s.pass(ctx, sub, emit); ctx.Err() == nil {
		s.stay(err)
		return err
	}
	sub.Finish()
	return s.pass(context.WithoutCancel(ctx), sub, emit)
}

// subscribe returns the subscription that Prepare or the previous run (see stay) left to this run,
// or a new one. A left subscription has the media that a publisher sent before this run started.
func (s *source) subscribe() (*hub.Subscription, error) {
	if sub, ok := s.handover.Take(s.stage).(*hub.Subscription); ok {
		return sub, nil
	}
	return s.hub.Subscribe(s.path)
}

// stay subscribes to the stream for the next run if this run ends because its publisher was lost or
// replaced: end is the error with which it ends. It leaves the subscription to the next run, so
// that the next run gets the media from now on.
func (s *source) stay(end error) {
	var e *pipeline.EndError
	if !errors.As(end, &e) || e.Reason != endcause.SourceLost && e.Reason != endcause.Replaced {
		return
	}
	if sub, err := s.hub.Subscribe(s.path); err == nil { // on an error the hub is closed, which the next run reports
		s.handover.Leave(s.stage, sub)
	}
}

// pass emits chunks until the subscription or ctx ends.
func (s *source) pass(ctx context.Context, sub *hub.Subscription, emit pipeline.Emit[*media.Chunk]) error {
	for ctx.Err() == nil {
		c, err := sub.Take(ctx)
		if err != nil {
			return err
		}
		for _, e := range s.awaited(c) {
			if !sub.Mark(&e.Event) {
				break
			}
		}
		if err := emit(c); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

func (s *source) awaited(c *media.Chunk) []awaited {
	if c.Mark != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks.follow(c, s.clock)
}

// Trigger queues a mark for the event behind the newest chunk. It is called if no later stage
// handles triggers. It implements pipeline.Triggerer.
func (s *source) Trigger(t pipeline.Trigger) (pipeline.Triggered, error) {
	e := eventOf(t, GOPRingConfig{}, s.clock, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	done, mark, err := s.marks.trigger(&e, &t, s.clock)
	if sub := s.sub.Load(); mark && (sub == nil || !sub.Mark(&e)) {
		return pipeline.Triggered{}, pipeline.ErrNothing
	}
	return done, err
}

// Report adds the wait for a publisher, the media that the queue in the hub dropped, and the losses
// on the network since the run began. Lost packets are a warning; damaged access units count as
// drops.
func (s *source) Report(r *pipeline.Report) {
	s.mu.Lock()
	s.marks.await.report(r, s.clock)
	s.mu.Unlock()
	sub := s.sub.Load()
	if sub == nil || !sub.Live() {
		r.Waiting = "publisher"
		return
	}
	if d := sub.Dropped(); d.Chunks > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: s.stage, Cause: string(media.GapOverload), AccessUnits: d.AccessUnits, Bytes: d.Bytes})
	}
	if n := sub.Lost(media.DropDamaged); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: s.stage, Cause: media.DropDamaged, AccessUnits: n})
	}
	if n := sub.Lost(media.DropRTPLoss); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d packets were lost on the network since this run began: pictures are missing or damaged; let the publisher use TCP", n))
	}
}
