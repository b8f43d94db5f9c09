package main

import (
	"context"
	"sync"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// redelivered is what the stages behind mp4 were told of by tell.
type redelivered struct {
	mu   sync.Mutex // held while they are told
	told map[media.ID]bool
}

// tell gives the file of a crash to the stages behind mp4, which have not seen its
// end: a command, a webhook and the catalogue. It reports whether all of them took
// it; a pipeline that is not declared any more has none. Recovery tells of what it
// finished, and a comparison with the disk of what is finished there and not in the
// catalogue: where both meet the same file, the second tells of it no more.
func (h *house) tell(ctx context.Context, r media.Recording) bool {
	h.redelivered.mu.Lock()
	defer h.redelivered.mu.Unlock()
	if h.redelivered.told[r.ID] {
		return true
	}
	told := h.replay(ctx, r)
	if told {
		h.redelivered.told[r.ID] = true
	}
	return told
}

func (h *house) replay(ctx context.Context, r media.Recording) bool {
	env := pipeline.Env{Services: h.services, Log: h.log, Clock: pipeline.SystemClock}
	for _, d := range h.plans.state().declared {
		if d.Plan.Name != r.Pipeline {
			continue
		}
		told, err := pipeline.Replay(ctx, d.Plan, env, r.Stream, r)
		if err != nil {
			h.log.Error("not every stage behind mp4 was told of a file that a crash left", "file", r.Path, "pipeline", r.Pipeline, "error", err)
		}
		return told && err == nil
	}
	return false
}
