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

// targets finds the webhook targets of a configuration by their keys. It caches those of the last
// configuration.
type targets struct {
	mu  sync.Mutex // guards the fields below
	of  *configs.Config
	all map[string]webhook.Target // targets of the configuration of, by key
}

// find returns the target with a key in a pipeline or in the block declare of cfg. It returns false if
// cfg has none.
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

// redelivered remembers the newest recordings that redeliver has delivered.
type redelivered struct {
	mu    sync.Mutex        // guards the fields below; held during a delivery
	done  map[media.ID]bool // the remembered recordings
	order []media.ID        // keys of done in the order of delivery, as a ring
	next  int               // index of the oldest recording in order when order is full
}

// maxRedelivered bounds the number of remembered recordings. So many are enough, because recovery and the
// comparison with the disk find the same recording soon after each other.
const maxRedelivered = 1 << 16

// note remembers a recording. Beyond maxRedelivered it forgets the oldest one. The caller holds r.mu.
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

// redeliver passes a recording to the stages of its pipeline that follow the mp4 sink, such as exec,
// webhook and metadata: the process that made it ended before they got the finished recording. It
// returns true if all of these stages have accepted the recording, now or in an earlier call, and
// false if the pipeline is no longer declared. Recovery calls it for each recovered file, and the
// comparison with the disk for each finished file whose row is still that of a growing one.
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

// replay passes a recording to the stages of its pipeline that follow the mp4 sink. It returns true if all of
// them have accepted the recording, and false if the pipeline is no longer declared.
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
