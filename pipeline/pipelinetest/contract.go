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

// Fixture provides what the test of one stage needs. Its fields may be nil.
type Fixture struct {
	Settings func(t *testing.T) string // returns the stage's settings as YAML; nil means its defaults
	// Live prepares what a source needs to emit elements, such as a publisher, and returns the path of the
	// stream. Only sources need it.
	Live func(t *testing.T, env pipeline.Env) string
}

const patience = 30 * time.Second

// Contract tests each registered stage with each way in which a run can end: never started, drained without
// elements, drained with elements, aborted, and ended by an error or a panic of the previous or next stage,
// which may also be slow. Elements emitted before an error must be consumed by the later stages. The gaps of
// the media must arrive at the next stage, with the media or before it. In each case the stage must end, leave
// no goroutine, and release each element exactly once.
//
// fixtures is keyed by the name of the stage. env is called once for each case and returns an environment with
// all services except the media pool.
func Contract(t *testing.T, fixtures map[string]Fixture, env func(t *testing.T, pool *media.Pool) pipeline.Env) {
	for _, s := range pipeline.Stages() {
		if strings.HasPrefix(s.Name, prefix) || s.Kind == pipeline.KindOutput { // an output has no run
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

// Script controls the source and the sink that the contract puts around a stage.
type Script struct {
	Count  int           // number of elements that the source emits; -1 means until the run ends
	End    error         // error with which the source ends; nil means the end of a file
	FailAt int           // number of the element on which the sink fails, from 1; 0 means never
	Panic  bool          // the sink panics instead of returning an error
	Hold   chan struct{} // the sink waits in each call until Hold is closed; nil means that it does not wait

	Missing bool // the elements of the source have gaps
	// given sums the gaps of the elements that the source emitted, told those of the elements that the sink got.
	// Only the goroutine of the source writes given, and only that of the sink writes told.
	given, told missing

	t   testing.TB
	got atomic.Int64
}

type contract struct {
	info    pipeline.StageInfo
	fixture Fixture
	env     func(*testing.T, *media.Pool) pipeline.Env
}

// build returns a run of the tested stage with the source and the sink of Contract around it, which behave as the
// script s says. A stage that is a source or a sink itself has only the other one.
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

// before tests an error of the source that feeds the stage: the stage must process all elements that it got before
// the error, and the sink must get all elements that the stage emitted.
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

// flowing waits until the stage has taken or emitted three elements.
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

// Env returns an environment without services and without a log.
func Env() pipeline.Env {
	return pipeline.Env{Services: &pipeline.Services{}, Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}
}

func typeName(t testing.TB, e reflect.Type) string {
	name, known := elements[e]
	require.True(t, known, "pipelinetest has no source and sink of %v: add them to ends.go", e)
	return name
}

// hold makes the sink slow: it waits until Hold is closed, or the run is aborted.
func (s *Script) hold(ctx context.Context) {
	if s.Hold != nil {
		select {
		case <-s.Hold:
		case <-ctx.Done():
		}
	}
}
