package stages

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
		newSource, pipeline.ReadInPlace)
}

// source reads the run's stream from the hub.
//
// Invariant: the publisher never waits for this stage. The subscription has a bounded queue in the
// hub, which drops and counts whole GOPs when the next stage is slow. If that stage is a gop_ring,
// it takes chunks without delay.
type source struct {
	hub  *hub.Hub
	pool *media.Pool // makes the marks of awaited events
	set  pipeline.Settings

	mu    sync.Mutex        // guards the fields below
	sub   *hub.Subscription // nil before Run has it, and after Run
	lost  *sourceLosses     // losses of the run; nil until sub was left to the next run, or closed
	marks eventMarks
}

// sourceLosses are the losses before the stages of a run.
type sourceLosses struct {
	dropped          media.GOPLoss // by the queue of the subscription
	damaged, packets uint64        // access units, and packets of the network
}

func newSource(set pipeline.Settings, _ SourceConfig) (pipeline.Source[*media.Chunk], error) {
	h, err := pipeline.Use[*hub.Hub](set)
	if err != nil {
		return nil, err
	}
	pool, err := pipeline.Use[*media.Pool](set)
	if err != nil {
		return nil, err
	}
	s := &source{hub: h, pool: pool, set: set}
	s.marks.resume(&set)
	return s, nil
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
func (s *source) Run(ctx context.Context, emit pipeline.Emit[*media.Chunk]) (err error) {
	sub, err := s.subscribe()
	if errors.Is(err, hub.ErrClosed) {
		return pipeline.End(endcause.Shutdown)
	}
	if err != nil {
		return err
	}
	s.read(sub)
	defer func() { s.leave(sub, err) }()
	if s.set.For == pipeline.PresentPublisher { // the publisher may have left since the run was requested
		sub.EndWithPublisher()
	}
	if err := s.pass(ctx, sub, emit); ctx.Err() == nil {
		return err
	}
	sub.Finish()
	return s.pass(context.WithoutCancel(ctx), sub, emit)
}

// subscribe returns the subscription that Prepare or the previous run (see leave) left to this run,
// or a new one. A left subscription has the media that publishers sent before this run started.
func (s *source) subscribe() (*hub.Subscription, error) {
	if sub, ok := s.set.Handover.Take(s.set.Stage).(*hub.Subscription); ok {
		return sub, nil
	}
	return s.hub.Subscribe(s.set.Stream)
}

func (s *source) read(sub *hub.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sub = sub
}

// leave leaves the subscription to the next run if this run ends because its publisher was lost or
// replaced, so that the next run gets the media of the next publisher from its begin. Otherwise it
// closes the subscription. It leaves the waiting events in either case. end is the error with which the run ends.
func (s *source) leave(sub *hub.Subscription, end error) {
	s.mu.Lock()
	s.sub, s.lost = nil, lossesOf(sub)
	s.marks.leave(&s.set)
	s.mu.Unlock()
	var e *pipeline.EndError
	if !errors.As(end, &e) || e.Reason != endcause.SourceLost && e.Reason != endcause.Replaced {
		sub.Close()
		return
	}
	sub.Resume()
	s.set.Handover.Leave(s.set.Stage, sub)
}

func lossesOf(sub *hub.Subscription) *sourceLosses {
	return &sourceLosses{dropped: sub.Dropped(), damaged: sub.Lost(media.DropDamaged), packets: sub.Lost(media.DropRTPLoss)}
}

// pass emits chunks until the subscription or ctx ends.
func (s *source) pass(ctx context.Context, sub *hub.Subscription, emit pipeline.Emit[*media.Chunk]) error {
	for ctx.Err() == nil {
		c, err := sub.Take(ctx)
		if err != nil {
			return err
		}
		if err := s.emitAwaited(c, emit); err != nil {
			c.Release()
			return err
		}
		if err := emit(c); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// emitAwaited emits a mark for each event that waited for the stream's first key frame, if that is in
// the chunk c. The marks precede the chunk.
func (s *source) emitAwaited(c *media.Chunk, emit pipeline.Emit[*media.Chunk]) error {
	for _, e := range s.awaited(c) {
		if err := emit(s.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: &e.Event})); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) awaited(c *media.Chunk) []awaited {
	if c.Mark != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks.follow(c, s.set.Clock)
}

// Trigger queues a mark for the event behind the newest chunk. It is called if no later stage
// handles triggers. It implements pipeline.Triggerer.
func (s *source) Trigger(t pipeline.Trigger) (pipeline.Triggered, error) {
	e := eventOf(t, GOPRingConfig{}, s.set.Clock, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	done, mark, err := s.marks.trigger(&e, &t, s.set.Clock)
	if mark && (s.sub == nil || !s.sub.Mark(&e)) {
		return pipeline.Triggered{}, pipeline.ErrNothing
	}
	return done, err
}

// Report adds the wait for a publisher, the media that the queue in the hub dropped, and the losses
// on the network since the run began. Lost packets are a warning; damaged access units count as
// drops.
func (s *source) Report(r *pipeline.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks.await.report(r, s.set.Clock)
	lost := s.lost
	if lost == nil {
		if s.sub == nil || !s.sub.Live() {
			r.Waiting = "publisher"
			return
		}
		lost = lossesOf(s.sub)
	}
	if d := lost.dropped; d.Chunks > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: s.set.Stage, Cause: string(media.GapOverload), AccessUnits: d.AccessUnits, Bytes: d.Bytes})
	}
	if n := lost.damaged; n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: s.set.Stage, Cause: media.DropDamaged, AccessUnits: n})
	}
	if n := lost.packets; n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d packets were lost on the network since this run began: pictures are missing or damaged; let the publisher use TCP", n))
	}
}
