package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/guard"
)

// token is an element that owns counted memory, like a chunk.
type token struct {
	n    int
	live *atomic.Int64
}

func (t *token) Release() { t.live.Add(-1) }

// probe is a service that one test hands to its stages.
type probe struct {
	live   atomic.Int64 // tokens not released
	count  int          // the source's tokens; -1: until it is stopped
	end    error        // the source's result
	failAt int          // the stage "twice" fails on this token
	panics bool         // by a panic
	gate   chan struct{}
	deaf   chan struct{} // the sink waits for it, even beyond the end of the run

	mu    sync.Mutex
	calls []string
	got   []int
}

func (p *probe) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, fmt.Sprintf(format, args...))
}

func (p *probe) noted() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.calls, " ")
}

type lifecycle struct {
	*probe
	name    string
	openErr error
}

func (l lifecycle) Open(context.Context) error { l.note("open:%s", l.name); return l.openErr }
func (l lifecycle) Close() error               { l.note("close:%s", l.name); return nil }

type numbers struct{ lifecycle }

func (s numbers) Run(ctx context.Context, emit pipeline.Emit[*token]) error {
	for n := 1; s.count < 0 || n <= s.count; n++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.live.Add(1)
		if err := emit(&token{n, &s.live}); err != nil {
			return err
		}
	}
	return s.end
}

type twice struct{ lifecycle }

func (t twice) Process(_ context.Context, in *token, emit pipeline.Emit[*token]) error {
	if in.n == t.failAt {
		in.Release()
		if t.panics {
			panic("broken on purpose")
		}
		return errors.New("broken on purpose")
	}
	in.n *= 2
	return emit(in)
}

func (t twice) Flush(ctx context.Context, _ pipeline.Emit[*token]) error {
	t.note("flush:twice:%s", pipeline.EndReason(ctx))
	return nil
}

// again emits each element that it gets.
type again struct{ lifecycle }

func (a again) Process(_ context.Context, in *token, emit pipeline.Emit[*token]) error {
	return emit(in)
}

func (a again) Flush(ctx context.Context, _ pipeline.Emit[*token]) error {
	a.note("flush:again:%s", pipeline.EndReason(ctx))
	return nil
}

type queue struct {
	lifecycle
	ready chan struct{}
	qmu   sync.Mutex
	items []*token
	ended bool
}

func (q *queue) Put(t *token) {
	q.qmu.Lock()
	q.items = append(q.items, t)
	q.qmu.Unlock()
	q.wake()
}

func (q *queue) End(string) {
	q.qmu.Lock()
	q.ended = true
	q.qmu.Unlock()
	q.wake()
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *queue) Take(ctx context.Context) (*token, error) {
	for {
		q.qmu.Lock()
		if len(q.items) > 0 {
			t := q.items[0]
			q.items = q.items[1:]
			q.qmu.Unlock()
			return t, nil
		}
		ended := q.ended
		q.qmu.Unlock()
		if ended {
			return nil, io.EOF
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func (q *queue) Close() error {
	for _, t := range q.items {
		t.Release()
	}
	return q.lifecycle.Close()
}

type collect struct{ lifecycle }

func (c collect) Consume(ctx context.Context, t *token) error {
	defer t.Release()
	if c.deaf != nil {
		<-c.deaf
	}
	if c.gate != nil {
		select {
		case <-c.gate:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, t.n)
	return nil
}

func (c collect) Flush(context.Context) error { c.note("flush:collect"); return nil }

type collectConfig struct {
	FailOpen bool `yaml:"fail_open"`
	Limit    int  `yaml:"limit"`
}

func (c collectConfig) Validate() error {
	if c.Limit < 0 {
		return config.At("limit", "limit is negative")
	}
	return nil
}

func init() {
	life := func(set pipeline.Settings) lifecycle {
		p, err := pipeline.Use[*probe](set)
		if err != nil {
			panic(err)
		}
		return lifecycle{probe: p, name: set.Stage}
	}
	pipeline.RegisterSource("numbers", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Source[*token], error) {
		return numbers{life(set)}, nil
	})
	pipeline.RegisterTransform("twice", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Transform[*token, *token], error) {
		return twice{life(set)}, nil
	})
	pipeline.RegisterTransform("again", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Transform[*token, *token], error) {
		return again{life(set)}, nil
	})
	pipeline.RegisterBuffer("queue", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Buffer[*token], error) {
		return &queue{lifecycle: life(set), ready: make(chan struct{}, 1)}, nil
	})
	pipeline.RegisterSink("collect", collectConfig{}, "", func(set pipeline.Settings, cfg collectConfig) (pipeline.Sink[*token], error) {
		l := life(set)
		if cfg.FailOpen {
			l.openErr = errors.New("will not open")
		}
		return collect{l}, nil
	})
	pipeline.RegisterSink("words", struct{}{}, "", func(pipeline.Settings, struct{}) (pipeline.Sink[string], error) {
		return nil, errors.New("not built here")
	})
}

const whole = "[numbers: {}, queue: {}, twice: {}, collect: {}]"

func compile(t *testing.T, yaml string) *pipeline.Plan {
	t.Helper()
	n, err := config.Parse("test.yaml", []byte(yaml))
	require.NoError(t, err)
	plan, problems := pipeline.Compile("test", n)
	require.NoError(t, problems.Err())
	return plan
}

func env(p *probe) pipeline.Env {
	s := &pipeline.Services{}
	pipeline.Provide(s, p)
	return pipeline.Env{Services: s, Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}
}

func build(t *testing.T, p *probe, yaml string) *pipeline.Run {
	t.Helper()
	run, err := compile(t, yaml).Build(env(p), "live/x", nil)
	require.NoError(t, err)
	return run
}

func await(t *testing.T, run *pipeline.Run) error {
	t.Helper()
	select {
	case <-run.Done():
		return run.Err()
	case <-time.After(time.Minute):
		require.Fail(t, "the run does not end", "busy: %v", run.Busy())
		return nil
	}
}

func evens(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = 2 * (i + 1)
	}
	return out
}

func TestSourceEndDrainsEverything(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{count: 1000, end: pipeline.End("end_of_file")}
	run := build(t, p, whole)
	require.NoError(t, run.Start(t.Context()))
	require.NoError(t, await(t, run))
	require.Equal(t, evens(1000), p.got)
	require.Equal(t, "end_of_file", run.Reason())
	require.Equal(t, "open:collect open:twice open:queue open:numbers flush:twice:end_of_file flush:collect "+
		"close:numbers close:queue close:twice close:collect", p.noted())
	require.Zero(t, p.live.Load())
}

func TestBuildHasNoSideEffect(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{count: 10}
	build(t, p, whole)
	require.Empty(t, p.noted())
}

func TestDrainDeliversEmittedElements(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{count: -1}
	run := build(t, p, whole)
	require.NoError(t, run.Start(t.Context()))
	require.Eventually(t, func() bool { return run.Status()[3].Taken > 100 }, time.Minute, time.Millisecond)
	require.NoError(t, run.Stop("stop", time.Minute))
	status := run.Status()
	require.Equal(t, status[0].Given, status[3].Taken)
	require.Equal(t, evens(len(p.got)), p.got)
	require.Contains(t, p.noted(), "flush:twice:stop")
	require.Zero(t, p.live.Load())
}

func TestFirstReasonWins(t *testing.T) {
	p := &probe{count: -1}
	run := build(t, p, whole)
	require.NoError(t, run.Start(t.Context()))
	run.Drain("duration")
	run.Drain("stop")
	require.NoError(t, await(t, run))
	require.Equal(t, "duration", run.Reason())
}

// The elements that a stage emitted before its failure are consumed and the stages behind it flush; the stages before
// it are aborted.
func TestStageErrorDrainsTheStagesBehind(t *testing.T) {
	for _, panics := range []bool{false, true} {
		t.Run(fmt.Sprintf("panic=%v", panics), func(t *testing.T) {
			defer goleak.VerifyNone(t)
			p := &probe{count: -1, failAt: 7, panics: panics}
			run := build(t, p, "[numbers: {}, queue: {}, twice: {}, again: {}, collect: {}]")
			require.NoError(t, run.Start(t.Context()))
			err := await(t, run)
			var se *pipeline.StageError
			require.ErrorAs(t, err, &se)
			require.Equal(t, "twice", se.Stage)
			require.Equal(t, "process", se.Op)
			require.Equal(t, "live/x", se.Stream)
			require.ErrorContains(t, err, "broken on purpose")
			var pe *guard.PanicError
			require.Equal(t, panics, errors.As(err, &pe))
			require.Equal(t, evens(6), p.got)
			require.NotContains(t, p.noted(), "flush:twice", "a failed stage is not flushed")
			require.Contains(t, p.noted(), "flush:again:error flush:collect")
			require.Equal(t, "error", run.Reason())
			require.Zero(t, p.live.Load(), "the elements on their way to the stage are released")
		})
	}
}

func TestSourceErrorDrains(t *testing.T) {
	defer goleak.VerifyNone(t)
	boom := errors.New("boom")
	p := &probe{count: 3, end: boom}
	run := build(t, p, whole)
	require.NoError(t, run.Start(t.Context()))
	require.ErrorIs(t, await(t, run), boom)
	require.Equal(t, evens(3), p.got)
	require.Contains(t, p.noted(), "flush:twice:error flush:collect")
	require.Zero(t, p.live.Load())
}

// A stage behind the failed one may be stuck: a stop still ends the run within its deadline, and the run returns the
// first error.
func TestDrainAfterAnErrorHasTheStopsDeadline(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{count: -1, failAt: 2, gate: make(chan struct{})}
	run := build(t, p, whole)
	require.NoError(t, run.Start(t.Context()))
	require.Eventually(t, func() bool { return run.Reason() == "error" }, time.Minute, time.Millisecond)
	require.ErrorContains(t, run.Stop("stop", 40*time.Millisecond), "broken on purpose")
	require.ErrorContains(t, await(t, run), "broken on purpose")
	require.Zero(t, p.live.Load())
}

func TestOpenErrorClosesOpenedStages(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{count: 3}
	run := build(t, p, "[numbers: {}, queue: {}, twice: {}, collect: {fail_open: true}]")
	err := run.Start(t.Context())
	require.ErrorContains(t, err, "stage collect: open: will not open")
	require.Equal(t, "open:collect", p.noted())
	require.ErrorIs(t, await(t, run), err)
}

func TestSlowSinkIsAbsorbedByTheBufferAlone(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{count: 500, end: pipeline.End("end_of_file"), gate: make(chan struct{})}
	run := build(t, p, whole)
	require.NoError(t, run.Start(t.Context()))
	require.Eventually(t, func() bool { return run.Status()[0].Given == 500 }, time.Minute, time.Millisecond,
		"the source must not wait for the sink")
	require.Eventually(t, func() bool { return slices.Contains(run.Busy(), "collect (consume)") }, time.Minute, time.Millisecond)
	close(p.gate)
	require.NoError(t, await(t, run))
	require.Equal(t, evens(500), p.got)
}

func TestStopNamesTheBusyStageAndAborts(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := &probe{count: -1, gate: make(chan struct{})}
	run := build(t, p, whole)
	require.NoError(t, run.Start(t.Context()))
	require.Eventually(t, func() bool { return len(run.Busy()) > 0 && run.Status()[3].Taken > 0 }, time.Minute, time.Millisecond)
	err := run.Stop("stop", 40*time.Millisecond)
	require.ErrorIs(t, err, pipeline.ErrDeadline)
	require.NoError(t, func() error { <-run.Done(); return nil }())
	require.Zero(t, p.live.Load())
}

func TestAbortWithinNamesBusyStages(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	p, stuck := &probe{count: -1}, errors.New("no more of it")
	gate := make(chan struct{})
	p.deaf = gate
	run := build(t, p, whole)
	require.NoError(t, run.Start(t.Context()))
	require.Eventually(t, func() bool { return slices.Contains(run.Busy(), "collect (consume)") }, time.Minute, time.Millisecond)
	err := run.AbortWithin(stuck, time.Millisecond)
	require.ErrorIs(t, err, pipeline.ErrDeadline)
	require.ErrorContains(t, err, "collect (consume)")
	close(gate)
	require.ErrorIs(t, run.AbortWithin(errors.New("again"), time.Minute), stuck, "the first cause is the run's")
	require.Zero(t, p.live.Load())
}

func TestCompileFindsEveryProblemAtOnce(t *testing.T) {
	n, err := config.Parse("bad.yaml", []byte("- numbers: {}\n- quue: {}\n- twice: {speed: 3}\n- collect: {limit: -1}\n"))
	require.NoError(t, err)
	_, problems := pipeline.Compile("bad", n)
	text := problems.Error()
	require.Contains(t, text, `bad.yaml:2:`)
	require.Contains(t, text, "did you mean queue?")
	require.Contains(t, text, "bad.yaml:3:")
	require.Contains(t, text, "speed")
	require.Contains(t, text, "bad.yaml:4:")
	require.Contains(t, text, "limit is negative")
}

func TestCompileRefusesWrongOrder(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"[]", "needs a list of stages"},
		{"{}", "needs a list of stages"},
		{"[twice: {}, collect: {}]", "the first stage makes the elements"},
		{"[numbers: {}, twice: {}]", "the last stage must be a sink"},
		{"[numbers: {}, collect: {}, twice: {}, collect: {}]", "stages follow it"},
		{"[numbers: {}, numbers: {}, collect: {}]", "one source"},
		{"[numbers: {}, words: {}]", "words takes string, but numbers before it gives *pipeline_test.token"},
		{"[numbers: {}, {twice: {}, collect: {}}]", "one name with its settings"},
		{"[3, collect]", "one name with its settings"},
	} {
		n, err := config.Parse("order.yaml", []byte(c.yaml))
		require.NoError(t, err)
		_, problems := pipeline.Compile("order", n)
		require.ErrorContains(t, problems.Err(), c.want, c.yaml)
	}
}

func TestCompileTakesBareNames(t *testing.T) {
	require.Equal(t, "numbers -> twice -> collect", compile(t, "[numbers, {twice: }, collect]").String())
}
