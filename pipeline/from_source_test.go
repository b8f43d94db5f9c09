package pipeline_test

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reugn/go-streams"
	"github.com/reugn/go-streams/extension"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

const fromLines = "[line_source, unlines, collect]"

func TestAFileSourceIsAStage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	require.NoError(t, os.WriteFile(path, []byte(lines(1000)), 0o600))
	g := &graphTest{source: func(g *pipeline.Graph) (streams.Source, error) {
		return extension.NewFileSource(path, quiet, extension.WithContext(g.Context())), nil
	}}
	run := g.startCopies(t, fromLines)
	require.NoError(t, await(t, run))
	require.Equal(t, numbersTo(1000), g.got)
	require.Equal(t, "end_of_file", run.Reason())
}

// startCopies is start for elements that own no counted memory.
func (g *graphTest) startCopies(t *testing.T, yaml string) *pipeline.Run {
	t.Helper()
	g.probe = &probe{}
	return g.start(t, yaml)
}

func TestAReaderSourceIsAStage(t *testing.T) {
	g := &graphTest{source: func(g *pipeline.Graph) (streams.Source, error) {
		text := bufio.NewReader(strings.NewReader(lines(1000)))
		s, err := extension.NewReaderSource(io.NopCloser(text), func(io.Reader) ([]byte, error) { return text.ReadBytes('\n') }, quiet)
		return s, err
	}}
	run := g.startCopies(t, "[line_source, unlines, collect]")
	err := await(t, run)
	require.ErrorContains(t, err, "the source gave a []uint8, and the stage gives string: put an operator behind it that converts it")
	require.Empty(t, g.got)
}

// A drain ends a connector by its context: its output up to then goes on.
func TestADrainEndsAFileSource(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	require.NoError(t, os.WriteFile(path, []byte(lines(300_000)), 0o600))
	g := &graphTest{source: func(g *pipeline.Graph) (streams.Source, error) {
		return extension.NewFileSource(path, quiet, extension.WithContext(g.Context())), nil
	}}
	run := g.startCopies(t, fromLines)
	require.Eventually(t, func() bool { return run.Status()[2].Taken > 10 }, time.Minute, time.Millisecond)
	run.Drain("stop")
	require.NoError(t, await(t, run))
	require.Equal(t, numbersTo(len(g.got)), g.got)
	require.Equal(t, run.Status()[0].Given, run.Status()[2].Taken)
}

func TestAnAbortEndsAFileSource(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	require.NoError(t, os.WriteFile(path, []byte(lines(300_000)), 0o600))
	g := &graphTest{source: func(g *pipeline.Graph) (streams.Source, error) {
		return extension.NewFileSource(path, quiet, extension.WithContext(g.Context())), nil
	}}
	run := g.startCopies(t, fromLines)
	require.Eventually(t, func() bool { return run.Status()[2].Taken > 10 }, time.Minute, time.Millisecond)
	run.Abort(pipeline.ErrAborted)
	require.ErrorIs(t, await(t, run), pipeline.ErrAborted)
}

// A drain leaves a channel open and unread that its sender has not closed, so that a value sent later is not lost.
func TestADrainLeavesAChanSource(t *testing.T) {
	in := make(chan any)
	g := &graphTest{clock: &lapse{}, source: func(*pipeline.Graph) (streams.Source, error) { return extension.NewChanSource(in), nil }}
	run := g.startCopies(t, fromLines)
	in <- "1"
	in <- "2"
	run.Drain("stop")
	require.NoError(t, await(t, run))
	require.Equal(t, []int{1, 2}, g.got)
	select {
	case in <- "3":
		require.Fail(t, "taken, and lost")
	default:
	}
}

func TestAChanSourceIsAStage(t *testing.T) {
	in := make(chan any)
	g := &graphTest{source: func(*pipeline.Graph) (streams.Source, error) { return extension.NewChanSource(in), nil }}
	run := g.startCopies(t, fromLines)
	for _, line := range strings.Split(strings.TrimSpace(lines(10)), "\n") {
		in <- line
	}
	close(in)
	require.NoError(t, await(t, run))
	require.Equal(t, numbersTo(10), g.got)
}

func TestASourceThatFails(t *testing.T) {
	in := make(chan any)
	var once sync.Once
	g := &graphTest{source: func(g *pipeline.Graph) (streams.Source, error) {
		once.Do(func() { g.Fail(io.ErrUnexpectedEOF) })
		close(in)
		return extension.NewChanSource(in), nil
	}}
	run := g.startCopies(t, fromLines)
	require.ErrorIs(t, await(t, run), io.ErrUnexpectedEOF)
	require.ErrorContains(t, run.Err(), "stage line_source: source: ")
}
