package main

import (
	"context"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// tell gives the file of a crash to the stages behind mp4, which have not seen its
// end: a command, a webhook and the catalogue. It reports whether all of them took
// it; a pipeline that is not declared any more has none.
func (h *house) tell(ctx context.Context, r media.Recording) bool {
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
