package stages

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// TeeConfig declares the branches of a tee.
type TeeConfig struct {
	Branches []TeeBranch `yaml:"branches" doc:"the branches, each with a name, stages (a list that ends in a sink), and the limits of its queue, max_bytes and max_backlog, as of gop_ring"`
}

// TeeBranch declares one branch of a tee: the limits of its queue, and its stages, which end in a
// sink.
type TeeBranch struct {
	Name    string          `yaml:"name" reaches:"nothing" doc:"its name in the log and the status"`
	MaxSize config.Size     `yaml:"max_bytes" takes:"memory" doc:"largest memory of the branch's queue; beyond it whole GOPs are dropped"`
	MaxTime config.Duration `yaml:"max_backlog" takes:"media" doc:"longest time the branch may be behind, and for events no less than before; beyond it whole GOPs are dropped"`
	Stages  *config.Node    `yaml:"stages" means:"stages" doc:"a list as of a pipeline, without the source"`
}

// SetDefaults sets the limits of the queue to those of a gop_ring.
func (b *TeeBranch) SetDefaults() {
	b.MaxSize, b.MaxTime = gopRingDefaults.MaxSize, gopRingDefaults.MaxTime
}

// Check reports a missing name, impossible limits, and the problems of the branch's stages.
func (b *TeeBranch) Check() (problems config.Problems) {
	if b.Name == "" {
		problems = append(problems, config.At("name", "is missing").WithHint("it identifies the branch, for example archive"))
	}
	if err := b.queue().Validate(); err != nil {
		problems = append(problems, config.Problem{Msg: err.Error()})
	}
	_, bad := b.tail()
	for i := range bad {
		if bad[i].Pos == (config.Pos{}) { // the problem has no position in a file
			bad[i].Path = "stages"
		}
	}
	return append(problems, bad...)
}

// queue returns the settings of the branch's queue. Its before and after are the defaults of
// gop_ring: an event that the queue marks gets them if its trigger sets no interval.
func (b *TeeBranch) queue() GOPRingConfig {
	ring := gopRingDefaults
	ring.MaxSize, ring.MaxTime = b.MaxSize, b.MaxTime
	return ring
}

func (b *TeeBranch) tail() (*pipeline.Tail[*media.Chunk], config.Problems) {
	return pipeline.CompileTail[*media.Chunk]("tee", b.Stages)
}

// Tails returns the stages of the branches, so that the caller can check the pipeline as a whole.
func (c TeeConfig) Tails() (tails []pipeline.AnyTail) {
	for i := range c.Branches {
		tail, _ := c.Branches[i].tail()
		tails = append(tails, tail)
	}
	return tails
}

// Check refuses a tee without branches, and two branches with the same name.
func (c TeeConfig) Check() (problems config.Problems) {
	if len(c.Branches) == 0 {
		return config.Problems{config.At("branches", "is empty").WithHint("for example branches: [{name: archive, stages: [segmenter: {}, mp4: {}, metadata: {}]}]")}
	}
	seen := map[string]bool{}
	for i, b := range c.Branches {
		if seen[b.Name] && b.Name != "" {
			problems = append(problems, config.At(config.Join("branches", strconv.Itoa(i)), "another branch has the name %s, too", b.Name))
		}
		seen[b.Name] = true
	}
	return problems
}

func init() {
	pipeline.RegisterSink("tee", TeeConfig{},
		"Gives each chunk to several branches, each with a queue and a pace of its own. A branch that is slow or fails loses whole GOPs, counted; it never delays the others.",
		newTee, pipeline.CompletesEvents)
}

// tee gives each chunk to every branch, shared by reference count.
//
// Invariant: Consume never waits. Chunks wait for a slow branch in the branch's own gop_ring. The
// ring does not belong to the branch's run, so it continues when that run fails.
type tee struct{ branches []teeBranch }

type teeBranch struct {
	name  string
	ring  *gopRing
	files bool // the branch writes files
	*pipeline.Branch
}

func newTee(set pipeline.Settings, cfg TeeConfig) (pipeline.Sink[*media.Chunk], error) {
	t := &tee{}
	for i := range cfg.Branches {
		b, err := newTeeBranch(set, &cfg.Branches[i])
		if err != nil {
			return nil, fmt.Errorf("branch %s: %w", cfg.Branches[i].Name, err)
		}
		t.branches = append(t.branches, b)
	}
	return t, nil
}

func newTeeBranch(set pipeline.Settings, cfg *TeeBranch) (b teeBranch, err error) {
	tail, problems := cfg.tail()
	if len(problems) > 0 {
		return b, problems.Err()
	}
	queue := set
	queue.Stage = "queue"
	b.name = cfg.Name
	ring, err := newRing(queue, cfg.queue())
	if err != nil {
		return b, err
	}
	ring.asks = tail.Has(pipeline.CompletesEvents)
	b.ring, b.files = ring, tail.Has(pipeline.MakesFiles)
	b.Branch, err = pipeline.NewBranch(tail, set, cfg.Name, ring.Take)
	return b, err
}

// Open starts every branch. A branch that cannot be opened is retried, and does not stop the
// others.
func (t *tee) Open(context.Context) error {
	for _, b := range t.branches {
		b.Start()
	}
	return nil
}

// Consume adds the chunk to the queue of every branch. Each queue gets one reference.
func (t *tee) Consume(_ context.Context, c *media.Chunk) error {
	for _, b := range t.branches[1:] {
		b.ring.Put(c.Retain())
	}
	t.branches[0].ring.Put(c)
	return nil
}

// Flush drains every branch, and waits until all have ended. The error names the branches that
// could not drain.
func (t *tee) Flush(ctx context.Context) error {
	reason := pipeline.EndReason(ctx)
	for _, b := range t.branches {
		b.End(reason)
		b.ring.End(reason)
	}
	var errs []error
	for _, b := range t.branches {
		if err := b.Wait(ctx); err != nil {
			errs = append(errs, fmt.Errorf("branch %s: %w", b.name, err))
		}
	}
	return errors.Join(errs...)
}

// Close aborts the branches that have not drained, and releases their queued chunks.
func (t *tee) Close() error {
	var errs []error
	for _, b := range t.branches {
		b.Branch.Close()
		errs = append(errs, b.ring.Close())
	}
	return errors.Join(errs...)
}

// Report combines the reports of the branches and of their queues.
func (t *tee) Report(r *pipeline.Report) {
	for _, b := range t.branches {
		branch := b.Branch.Report()
		b.ring.Report(&branch)
		r.Beside(b.name, branch)
	}
}

// Status returns the stages of all branches. The name of each is that of tee, of the branch and of
// the stage, such as tee/archive/mp4.
func (t *tee) Status() (out []pipeline.StageStatus) {
	for _, b := range t.branches {
		for _, s := range b.Branch.Status() {
			s.Stage = "tee/" + b.name + "/" + s.Stage
			out = append(out, s)
		}
	}
	return out
}

// Trigger passes the trigger to every branch: a branch with a gop_ring records the event, and any
// other branch that writes files marks the event in its file. Trigger returns the answer of the
// first branch that accepts the event. If none does, it returns the errors of all branches.
func (t *tee) Trigger(trigger pipeline.Trigger) (first pipeline.Triggered, err error) {
	taken := false
	var errs []error
	for _, b := range t.branches {
		got, err := b.Branch.Trigger(trigger)
		if b.files && errors.Is(err, pipeline.ErrNoEvents) {
			got, err = b.ring.Trigger(trigger)
		}
		switch {
		case err != nil:
			errs = append(errs, err)
		case !taken:
			first, taken = got, true
		}
	}
	if taken {
		return first, nil
	}
	return first, errors.Join(errs...)
}
