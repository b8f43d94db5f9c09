package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/wallclock"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// trouble is told by recordings that the disk takes nothing, and that it takes
// files again: room is made at once, and what waits for the disk goes on. See
// mp4.OnTrouble.
func (s *Server) trouble(err error) {
	if err != nil {
		s.keeper.Wake()
		return
	}
	s.diskWorks.send()
	s.catalogue.Kick()
}

// unsaid logs that recordings could not be written, where there is none that has
// said so.
func (s *Server) unsaid(err error) {
	word := disk.ProblemOf(err, time.Time{}).Problem
	if !slices.ContainsFunc(s.recordingProblems(), func(p pipeline.Problem) bool { return p.Problem == word }) {
		s.log.Error("recordings cannot be written", "problem", word, "error", err)
	}
}

// broadcast wakes all who wait for it.
type broadcast struct {
	mu sync.Mutex // guards what follows
	c  chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{c: make(chan struct{})} }

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.c)
	b.c = make(chan struct{})
}

// wait is closed by the next send.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.c
}

// lastInterrupted is when the newest recording of an earlier process ended, where
// it did not end by anybody's wish; 0 where that was by a clock that cannot have been
// right. See mp4.Interrupted.
func (s *Server) lastInterrupted(stream, pipelineName string) int64 {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	page, err := s.catalogue.Records(ctx, media.Query{Stream: stream, Limit: 20})
	if err != nil {
		return 0
	}
	for _, r := range page.Records {
		if r.Pipeline != pipelineName || r.Node != s.catalogue.Node() {
			continue
		}
		if time.Unix(0, r.EndUTC).Before(wallclock.Plausible) {
			return 0
		}
		switch r.EndReason {
		case endcause.Error, endcause.Crash, endcause.NoRoom, endcause.SourceLost, endcause.Gap:
			return r.EndUTC
		}
		return 0
	}
	return 0
}
