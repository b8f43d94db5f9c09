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

// targets finds the webhook targets that a configuration declares. It caches them by key.
type targets struct {
	mu  sync.Mutex // guards the fields below
	of  *configs.Config
	all map[string]webhook.Target
}

// find returns the target of a key, from a declared pipeline or from the block declare.
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

// redelivered remembers the recordings that redeliver has delivered.
type redelivered struct {
	mu    sync.Mutex // held during delivery
	done  map[media.ID]bool
	order []media.ID // ring of the keys of done; once full, next is the oldest
	next  int
}

// maxRedelivered bounds how many recordings are remembered: recovery and the comparison with
// the disk find the same one soon after each other.
const maxRedelivered = 1 << 16

// note remembers a recording, in place of the oldest one when full. The caller holds r.mu.
func (r *redelivered) note(id media.ID) {
	if r.done[id] {
		return
	}
	if r.done[id] = true; len(r.order) < maxRedelivered {
		r.order = append(r.order, id)
		return
	}
	delete(r.done, r.order[r.next])
	r.order[r.next] = id
	r.next = (r.next + 1) % maxRedelivered
}

// redeliver delivers a recovered recording to the stages behind mp4, which have not seen its
// end: a command, a webhook, the catalogue. It reports whether all of them accepted it, and
// false if the pipeline is no longer declared. Recovery calls it for each recovered file, the
// comparison with the disk for each finished file without a row; a file that both find is
// delivered once.
func (s *Server) redeliver(ctx context.Context, r media.Recording) bool {
	s.redelivered.mu.Lock()
	defer s.redelivered.mu.Unlock()
	if s.redelivered.done[r.ID] {
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
			s.log.Error("not every stage behind mp4 accepted a recovered recording", "file", r.Path, "pipeline", r.Pipeline, "error", err)
		}
		return told && err == nil
	}
	return false
}
