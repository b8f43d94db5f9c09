package server

import (
	"context"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// redeliver gives the file of a crash to the stages behind mp4, which have not seen its
// end: a command, a webhook and the catalogue. It reports whether all of them took
// it; a pipeline that is not declared any more has none.
func (s *Server) redeliver(ctx context.Context, r media.Recording) bool {
	env := pipeline.Env{Services: s.services, Log: s.log, Clock: s.clock}
	for _, d := range s.declared.State().Pipelines {
		if d.Plan.Name != r.Pipeline {
			continue
		}
		told, err := pipeline.Replay(ctx, d.Plan, env, r.Stream, r)
		if err != nil {
			s.log.Error("not every stage behind mp4 was told of a file that a crash left", "file", r.Path, "pipeline", r.Pipeline, "error", err)
		}
		return told && err == nil
	}
	return false
}
