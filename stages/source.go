// Package stages holds the stages between a live stream and its files, one
// file each. A stage's file name is its name in a declaration.
package stages

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// SourceConfig has no settings: the run is for one stream, and takes it.
type SourceConfig struct{}

func init() {
	pipeline.RegisterSource("source", SourceConfig{},
		"The live stream of the run, from the newest key frame on. It waits for a publisher, and ends when that leaves.",
		newSource)
}

// source subscribes to the run's stream.
//
// Invariant: it never waits for the disk. The hub's queue is bounded, and what
// comes behind is a gop_ring or counts whole GOPs as lost.
type source struct {
	hub   *hub.Hub
	path  string
	stage string
	kept  *pipeline.Kept
	sub   atomic.Pointer[hub.Subscription]
}

func newSource(set pipeline.Settings, _ SourceConfig) (pipeline.Source[*media.Chunk], error) {
	h, err := pipeline.Use[*hub.Hub](set)
	if err != nil {
		return nil, err
	}
	return &source{hub: h, path: set.Stream, stage: set.Stage, kept: set.Kept}, nil
}

// Run hands on what the subscription gives. The publisher's end is the run's; a
// drain ends with the newest access unit that was received.
func (s *source) Run(ctx context.Context, emit pipeline.Emit[*media.Chunk]) error {
	sub, err := s.subscribe()
	if err != nil {
		return err
	}
	defer sub.Close()
	s.sub.Store(sub)
	if err := pass(ctx, sub, emit); ctx.Err() == nil {
		s.stay(err)
		return err
	}
	sub.Finish()
	return pass(context.WithoutCancel(ctx), sub, emit)
}

// subscribe goes on with what the run before left, so that nothing of a publisher
// is missed that came while that run finished its file.
func (s *source) subscribe() (*hub.Subscription, error) {
	if sub, ok := s.kept.Take(s.stage).(*hub.Subscription); ok {
		return sub, nil
	}
	return s.hub.Subscribe(s.path)
}

// stay subscribes for the next run where a publisher was lost.
func (s *source) stay(end error) {
	var e *pipeline.EndError
	if !errors.As(end, &e) || e.Reason != pipeline.ReasonSourceLost && e.Reason != pipeline.ReasonReplaced {
		return
	}
	if sub, err := s.hub.Subscribe(s.path); err == nil { // else the hub is closed, which the next run finds out
		s.kept.Leave(s.stage, sub)
	}
}

// pass hands chunks on until the subscription or the context ends.
func pass(ctx context.Context, sub *hub.Subscription, emit pipeline.Emit[*media.Chunk]) error {
	for ctx.Err() == nil {
		c, err := sub.Take(ctx)
		if err != nil {
			return err
		}
		if err := emit(c); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// The losses on the way to the hub that a recording shows: a picture is missing or
// cannot be decoded, up to the next key frame.
const (
	lostPackets = string(media.GapRTPLoss)
	lostDamaged = "damaged" // access units of which a packet is missing
)

// Report says whether a publisher is awaited, and what a full queue or the network
// cost.
func (s *source) Report(r *pipeline.Report) {
	sub := s.sub.Load()
	if sub == nil || !sub.Live() {
		r.Waiting = "publisher"
		return
	}
	if d := sub.Dropped(); d.Chunks > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: "source", Cause: string(media.GapOverload), AccessUnits: d.AccessUnits, Bytes: d.Bytes})
	}
	if n := sub.Lost(lostDamaged); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: "source", Cause: lostDamaged, AccessUnits: n})
	}
	if n := sub.Lost(lostPackets); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d packets were lost on the way since this run began: pictures are missing or damaged; let the publisher use TCP", n))
	}
}
