package pipelinetest

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Fixture provides the things that a stage needs in a test.
type Fixture struct {
	Settings func(t *testing.T) string // YAML of the stage's settings; nil means its defaults
	// Live prepares the things that a source needs to emit elements, and returns the path of the
	// stream; sources only.
	Live func(t *testing.T, env pipeline.Env) string
}

const patience = 30 * time.Second

// Contract runs every registered stage through each life of a run: built and dropped, drained
// empty, drained full, aborted, ended by an error and by a panic of a neighbour, and slowed by a
// slow neighbour. Elements emitted before an error are consumed by the following stages. Gaps in
// the media, and before it, stay with it or go ahead of it. In each case the stage must end, leave
// no goroutine, and release each element exactly once.
//
// env is called once a case and provides all services except the media pool.
func Contract(t *testing.T, fixtures map[string]Fixture, env func(t *testing.T, pool *media.Pool) pipeline.Env) {
	for _, s := range pipeline.Stages() {
		if strings.HasPrefix(s.Name, prefix) {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			c := contract{info: s, fixture: fixtures[s.Name], env: env}
			t.Run("built and dropped", c.builtAndDropped)
			t.Run("drained before anything came", func(t *testing.T) { c.drain(t, &Script{}) })
			t.Run("drained at the source's end", func(t *testing.T) { c.drain(t, &Script{Count: 20}) })
			t.Run("drained on demand", c.drainedOnDemand)
			t.Run("aborted", c.aborted)
			t.Run("the stage before fails", c.before)
			t.Run("the stage behind fails", func(t *testing.T) { c.neighbour(t, &Script{Count: 50, FailAt: 2}) })
			t.Run("the stage behind panics", func(t *testing.T) { c.neighbour(t, &Script{Count: 50, FailAt: 2, Panic: true}) })
			t.Run("aborted while the stage behind is busy", c.abortedBusy)
			t.Run("what is missing goes on", c.missing)
		})
	}
}

// Script controls the contract's own source and sink of a run.
type Script struct {
	Count  int   // number of elements that the source emits; -1: until it is stopped
	End    error // error with which the source ends; nil: in good order
	FailAt int   // the sink fails on this element, from 1; 0 is never
	Panic  bool
	Hold   chan struct{} // not nil: the sink waits for it to close

	Missing     bool    // the source's elements have gaps
	given, told missing // gaps of the source's elements, and gaps that the sink got; each on its own goroutine

	t   testing.TB
	got atomic.Int64
}

type contract struct {
	info    pipeline.StageInfo
	fixture Fixture
	env     func(*testing.T, *media.Pool) pipeline.Env
}

// build returns a run of the stage between the contract's own source and sink.
func (c *contract) build(t *testing.T, s *Script) *pipeline.Run {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	pool := Pool(t)
	env := c.env(t, pool)
	s.t = t
	pipeline.Provide(env.Services, pool)
	pipeline.Provide(env.Services, s)
	stream := "live/contract"
	settings := ""
	if c.fixture.Settings != nil {
		settings = c.fixture.Settings(t)
	}
	list := []string{c.info.Name + ": {" + settings + "}"}
	if c.info.In != nil {
		list = append([]string{prefix + "from_" + typeName(t, c.info.In)}, list...)
	} else if s.Count != 0 {
		stream = c.fixture.Live(t, env)
	}
	if c.info.Out != nil {
		list = append(list, prefix+"to_"+typeName(t, c.info.Out))
	}
	n, err := config.Parse("contract.yaml", []byte("["+strings.Join(list, ", ")+"]"))
	require.NoError(t, err)
	plan, problems := pipeline.Compile("contract", n)
	require.NoError(t, problems.Err())
	run, err := plan.Build(env, stream, nil)
	require.NoError(t, err)
	return run
}

func (c *contract) builtAndDropped(t *testing.T) { c.build(t, &Script{Count: 5}) }

func (c *contract) start(t *testing.T, s *Script) *pipeline.Run {
	t.Helper()
	run := c.build(t, s)
	require.NoError(t, run.Start(t.Context()))
	t.Cleanup(func() {
		run.Abort(errors.New("the test is over"))
		<-run.Done()
	})
	return run
}

func (c *contract) drain(t *testing.T, s *Script) {
	run := c.start(t, s)
	if c.info.In == nil {
		run.Drain(endcause.Stop) // a live source does not end by itself
	}
	require.NoError(t, await(t, run))
}

func (c *contract) drainedOnDemand(t *testing.T) {
	s := &Script{Count: -1}
	run := c.start(t, s)
	c.flowing(t, run)
	run.Drain(endcause.Stop)
	require.NoError(t, await(t, run))
	run.Report()
}

func (c *contract) aborted(t *testing.T) {
	run := c.start(t, &Script{Count: -1})
	c.flowing(t, run)
	run.Report()
	cause := errors.New("aborted by the contract")
	run.Abort(cause)
	require.ErrorIs(t, await(t, run), cause)
}

// before makes the source fail: the stage must process all elements that it got, and the sink all
// elements that the stage emitted.
func (c *contract) before(t *testing.T) {
	if c.info.In == nil {
		return // a source has no predecessor
	}
	boom := errors.New("as the contract's script says")
	run := c.start(t, &Script{Count: 20, End: boom})
	require.ErrorIs(t, await(t, run), boom)
	nodes := run.Status()
	require.Positive(t, nodes[0].Given)
	require.Equal(t, nodes[0].Given, nodes[1].Taken, "what was given to the stage before the error")
	if c.info.Out != nil {
		require.Equal(t, nodes[1].Given, nodes[2].Taken, "what the stage gave")
	}
}

func (c *contract) neighbour(t *testing.T, s *Script) {
	if c.info.Out == nil {
		return // a sink has no successor
	}
	run := c.start(t, s)
	var se *pipeline.StageError
	require.ErrorAs(t, await(t, run), &se)
	require.Equal(t, prefix+"to_"+typeName(t, c.info.Out), se.Stage)
}

func (c *contract) abortedBusy(t *testing.T) {
	s := &Script{Count: -1, Hold: make(chan struct{})}
	run := c.start(t, s)
	if c.info.Out != nil {
		require.Eventually(t, func() bool { return s.got.Load() > 0 }, patience, time.Millisecond)
	}
	run.Abort(pipeline.ErrAborted)
	close(s.Hold)
	require.ErrorIs(t, await(t, run), pipeline.ErrAborted)
}

// flowing waits until the stage has taken or emitted a few elements.
func (c *contract) flowing(t *testing.T, run *pipeline.Run) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, n := range run.Status() {
			if n.Stage == c.info.Name {
				return n.Taken >= 3 || n.Given >= 3
			}
		}
		return false
	}, patience, time.Millisecond)
}

func await(t *testing.T, run *pipeline.Run) error {
	t.Helper()
	select {
	case <-run.Done():
		return run.Err()
	case <-time.After(patience):
		require.Fail(t, "the run does not end", "busy: %v", run.Busy())
		return nil
	}
}

// Env returns an environment with an empty set of services and no log.
func Env() pipeline.Env {
	return pipeline.Env{Services: &pipeline.Services{}, Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}
}

func typeName(t testing.TB, e reflect.Type) string {
	name, known := elements[e]
	require.True(t, known, "pipelinetest has no source and sink of %v: add them to ends.go", e)
	return name
}

// hold waits like a slow stage, but not beyond an abort.
func (s *Script) hold(ctx context.Context) {
	if s.Hold != nil {
		select {
		case <-s.Hold:
		case <-ctx.Done():
		}
	}
}
