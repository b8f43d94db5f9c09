package pipeline_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reugn/go-streams"
	"github.com/reugn/go-streams/extension"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}

// quiet discards the log of the connectors.
var quiet = extension.WithLogger(slog.New(slog.DiscardHandler))

func TestAFileSinkIsAStage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	g := &graphTest{sink: func(*pipeline.Graph) (streams.Sink, error) { return extension.NewFileSink(path, quiet), nil }}
	run := g.start(t, "[numbers, lines, line_sink]")
	require.NoError(t, await(t, run))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, lines(1000), string(text), "all of it when the run is done")
}

func TestAWriterSinkIsAStage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	g := &graphTest{sink: func(*pipeline.Graph) (streams.Sink, error) {
		f, err := os.Create(path)
		if err != nil {
			return nil, err
		}
		return extension.NewWriterSink(f, quiet)
	}}
	run := g.start(t, "[numbers, lines, line_sink]")
	require.NoError(t, await(t, run))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, lines(1000), string(text))
}

func TestAChanSinkIsAStage(t *testing.T) {
	got := make(chan any)
	g := &graphTest{sink: func(*pipeline.Graph) (streams.Sink, error) { return extension.NewChanSink(got), nil }}
	run := g.start(t, "[numbers, graph_sink]")
	n := 0
	for el := range got {
		n++
		require.Equal(t, n, el.(*token).n)
		require.NotSame(t, &g.live, el.(*token).live, "a copy")
	}
	require.NoError(t, await(t, run))
	require.Equal(t, 1000, n)
}

func TestAnIgnoreSinkIsAStage(t *testing.T) {
	g := &graphTest{sink: func(*pipeline.Graph) (streams.Sink, error) { return extension.NewIgnoreSink(), nil }}
	run := g.start(t, "[numbers, graph_sink]")
	require.NoError(t, await(t, run))
	require.EqualValues(t, 1000, run.Status()[1].Taken)
}

// A connector logs its error and reads on; WithContextCancel ends the run.
func TestASinkThatFails(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing", "list")
	for name, c := range map[string]struct {
		sink makeSink
		says string
	}{
		"at its file": {func(g *pipeline.Graph) (streams.Sink, error) {
			return extension.NewFileSink(missing, quiet, extension.WithContextCancel(func() { g.Fail(errors.New("the list cannot be written")) })), nil
		}, "the list cannot be written"},
		"when it is made": {func(*pipeline.Graph) (streams.Sink, error) { return extension.NewWriterSink(nil) }, "writer is nil"},
		"in AwaitCompletion": {func(*pipeline.Graph) (streams.Sink, error) {
			return ownSink{in: make(chan any), await: func() { panic("never completed") }}, nil
		}, "never completed"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &graphTest{probe: &probe{count: -1}, sink: c.sink}
			if name == "in AwaitCompletion" {
				g.probe = &probe{count: 0, end: pipeline.End("end_of_file")}
			}
			run, err := compile(t, "[numbers, lines, line_sink]").Build(g.env(), "live/x", nil)
			require.NoError(t, err)
			if err = run.Start(t.Context()); err == nil {
				err = await(t, run)
			}
			var se *pipeline.StageError
			require.ErrorAs(t, err, &se)
			require.Equal(t, "line_sink", se.Stage)
			require.ErrorContains(t, err, c.says)
			require.Zero(t, g.live.Load())
		})
	}
}

type ownSink struct {
	in    chan any
	await func()
}

func (s ownSink) In() chan<- any   { return s.in }
func (s ownSink) AwaitCompletion() { s.await() }

func TestASinkIsAbortedWhileItIsBusy(t *testing.T) {
	g := &graphTest{
		probe: &probe{count: -1},
		sink:  func(*pipeline.Graph) (streams.Sink, error) { return extension.NewChanSink(make(chan any)), nil }, // without a reader
	}
	run := g.start(t, "[numbers, graph_sink]")
	require.Eventually(t, func() bool { return len(run.Busy()) > 0 }, time.Minute, time.Millisecond)
	run.Abort(pipeline.ErrAborted)
	require.ErrorIs(t, await(t, run), pipeline.ErrAborted)
}

// A sink that does not complete holds up the drain until the deadline, and no longer.
func TestASinkThatNeverCompletes(t *testing.T) {
	letGo := make(chan struct{})
	g := &graphTest{
		probe: &probe{count: 0, end: pipeline.End("end_of_file")},
		clock: &lapse{},
		sink: func(*pipeline.Graph) (streams.Sink, error) {
			return ownSink{in: make(chan any), await: func() { <-letGo }}, nil
		},
	}
	run := g.start(t, "[numbers, graph_sink]")
	require.Eventually(t, func() bool { return len(run.Busy()) > 0 }, time.Minute, time.Millisecond)
	run.Abort(pipeline.ErrDeadline)
	require.ErrorIs(t, await(t, run), pipeline.ErrDeadline)
	close(letGo)
}
