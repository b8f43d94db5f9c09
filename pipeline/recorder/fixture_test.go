package recorder_test

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
)

// token is the element type of these pipelines. No element flows: the tests are about the begin and the end of runs.
type token struct{}

type collect struct{}

func (collect) Consume(context.Context, *token) error { return nil }
func (collect) Flush(context.Context) error           { return nil }

type twice struct{}

func (twice) Process(_ context.Context, in *token, emit pipeline.Emit[*token]) error { return emit(in) }
func (twice) Flush(context.Context, pipeline.Emit[*token]) error                     { return nil }

type queue struct{ ended chan struct{} }

func (queue) Put(*token)   {}
func (q queue) End(string) { close(q.ended) }

func (q queue) Take(ctx context.Context) (*token, error) {
	select {
	case <-q.ended:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func init() {
	pipeline.RegisterTransform("twice", struct{}{}, "", func(pipeline.Settings, struct{}) (pipeline.Transform[*token, *token], error) {
		return twice{}, nil
	})
	pipeline.RegisterBuffer("queue", struct{}{}, "", func(pipeline.Settings, struct{}) (pipeline.Buffer[*token], error) {
		return queue{make(chan struct{})}, nil
	})
	pipeline.RegisterSink("collect", struct{}{}, "", func(pipeline.Settings, struct{}) (pipeline.Sink[*token], error) {
		return collect{}, nil
	})
}

func compile(t *testing.T, yaml string) *pipeline.Plan {
	t.Helper()
	n, err := config.Parse("test.yaml", []byte(yaml))
	require.NoError(t, err)
	plan, problems := pipeline.Compile("test", n)
	require.NoError(t, problems.Err())
	return plan
}

func newEnv() pipeline.Env {
	return pipeline.Env{Services: &pipeline.Services{}, Log: slog.New(slog.DiscardHandler), Clock: pipeline.SystemClock}
}

// streams is a directory that the test fills.
type streams struct {
	mu         sync.Mutex
	live, conf map[string]bool
}

func (s *streams) Live(p string) bool       { s.mu.Lock(); defer s.mu.Unlock(); return s.live[p] }
func (s *streams) Configured(p string) bool { s.mu.Lock(); defer s.mu.Unlock(); return s.conf[p] }
func (s *streams) setLive(p string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[p] = on
}

// script is the source of these tests: each run of a stream takes its end from
// the channel.
type script struct {
	ends chan error
	runs chan string // a word for each run that began
	kept chan *pipeline.Handover

	prepared interface{ Close() } // nil: Prepare leaves nothing
}

type scripted struct {
	*script
	stream string
	left   *pipeline.Handover
}

func (s scripted) Run(ctx context.Context, _ pipeline.Emit[*token]) error {
	s.runs <- s.stream
	s.kept <- s.left
	select {
	case err := <-s.ends:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// scriptedConfig leaves an object for the first run of each job.
type scriptedConfig struct{}

func (scriptedConfig) Prepare(set pipeline.Settings) {
	if s, err := pipeline.Use[*script](set); err == nil && s.prepared != nil {
		set.Handover.Leave(set.Stage, s.prepared)
	}
}

func init() {
	pipeline.RegisterSource("scripted", scriptedConfig{}, "", func(set pipeline.Settings, _ scriptedConfig) (pipeline.Source[*token], error) {
		s, err := pipeline.Use[*script](set)
		return scripted{s, set.Stream, set.Handover}, err
	})
}

type rig struct {
	*recorder.Recorder
	script *script
	dir    *streams
	clock  *handClock
	tasks  *pipeline.Tasks
}

func newRig(t *testing.T, modes ...pipeline.Mode) *rig {
	t.Helper()
	return newRigOf(t, "[scripted, collect]", modes...)
}

func newRigOf(t *testing.T, stages string, modes ...pipeline.Mode) *rig {
	t.Helper()
	b := &rig{
		script: &script{ends: make(chan error), runs: make(chan string, 100), kept: make(chan *pipeline.Handover, 100)},
		dir:    &streams{live: map[string]bool{}, conf: map[string]bool{"conf/a": true}},
		clock:  newHandClock(),
	}
	e := newEnv()
	pipeline.Provide(e.Services, b.script)
	e.Clock = b.clock
	b.tasks = pipeline.NewTasks(e.Log, b.clock)
	all, err := streampath.ParseGlob("**")
	require.NoError(t, err)
	var declared []recorder.Declared
	for _, m := range modes {
		plan := compile(t, stages)
		plan.Name = string(m)
		declared = append(declared, recorder.Declared{Plan: plan, Streams: []streampath.Glob{all}, Mode: m})
	}
	b.Recorder = recorder.New(e, b.tasks, b.dir, declared, time.Hour)
	t.Cleanup(func() {
		require.NoError(t, b.Shutdown(context.Background()))
		require.NoError(t, b.tasks.Stop(context.Background()))
		goleak.VerifyNone(t)
	})
	return b
}

// awaitRun waits until a run has begun, and is known to its job.
func (b *rig) awaitRun(t *testing.T, stream string) {
	t.Helper()
	select {
	case got := <-b.script.runs:
		require.Equal(t, stream, got)
	case <-time.After(time.Minute):
		require.Fail(t, "no run began")
	}
	b.awaitCounted(t, stream)
}

// awaitCounted waits until every job of a stream has counted a run: a job does that
// once its run goes.
func (b *rig) awaitCounted(t *testing.T, stream string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(b.Status(stream), func(s recorder.JobStatus) bool { return s.Runs == 0 })
	}, time.Minute, time.Millisecond)
}

func (b *rig) awaitGone(t *testing.T, stream string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(b.Status(stream)) == 0 }, time.Minute, time.Millisecond)
}
