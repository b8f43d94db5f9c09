package server

import (
	"context"
	"sync"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/webhook"
)

// targets are the servers that a configuration has told of recordings.
type targets struct {
	mu  sync.Mutex // guards what follows
	of  *configs.Config
	all map[string]webhook.Target
}

// find returns the target of a key that a pipeline which is declared now has, or the block
// declare.
func (t *targets) find(cfg *configs.Config, key string) (webhook.Target, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of != cfg {
		t.of, t.all = cfg, map[string]webhook.Target{}
		add := func(s *pipeline.StageInfo, settings *config.Node) {
			if target, ok := webhook.ReadTarget(s, settings); ok {
				t.all[target.Key()] = target
			}
		}
		for _, p := range cfg.Pipelines {
			pipeline.EachStage(p.Stages, add)
		}
		cfg.EachNamed(add)
	}
	target, has := t.all[key]
	return target, has
}

// redelivered is what the stages behind mp4 were told of by redeliver.
type redelivered struct {
	mu    sync.Mutex // held while they are told
	told  map[media.ID]bool
	order []media.ID // of told; the oldest one is at next, once there are maxTold
	next  int
}

// maxTold bounds how many files are remembered: recovery and the comparison with the disk
// meet the same one soon after each other.
const maxTold = 1 << 16

// note remembers a file, in place of the oldest where they are too many. The caller holds
// r.mu.
func (r *redelivered) note(id media.ID) {
	if r.told[id] {
		return
	}
	if r.told[id] = true; len(r.order) < maxTold {
		r.order = append(r.order, id)
		return
	}
	delete(r.told, r.order[r.next])
	r.order[r.next] = id
	r.next = (r.next + 1) % maxTold
}

// redeliver gives the file of a crash to the stages behind mp4, which have not seen its
// end: a command, a webhook and the catalogue. It reports whether all of them took
// it; a pipeline that is not declared any more has none. Recovery tells of what it
// finished, and a comparison with the disk of what is finished there and not in the
// catalogue: where both meet the same file, the second tells of it no more.
func (s *Server) redeliver(ctx context.Context, r media.Recording) bool {
	s.redelivered.mu.Lock()
	defer s.redelivered.mu.Unlock()
	if s.redelivered.told[r.ID] {
		return true
	}
	told := s.replay(ctx, r)
	if told {
		s.redelivered.note(r.ID)
	}
	return told
}

func (s *Server) replay(ctx context.Context, r media.Recording) bool {
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
