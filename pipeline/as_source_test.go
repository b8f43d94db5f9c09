package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/reugn/go-streams"
	"github.com/reugn/go-streams/extension"
	"github.com/reugn/go-streams/flow"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

func head(t *testing.T, yaml string) *pipeline.Head[*token] {
	t.Helper()
	n, err := config.Parse("test.yaml", []byte(yaml))
	require.NoError(t, err)
	h, problems := pipeline.CompileHead[*token]("test", n)
	require.NoError(t, problems.Err())
	return h
}

// asSource starts a run, and checks at the end of the test that the run has left nothing behind.
func asSource(t *testing.T, p *probe) *pipeline.RunSource {
	t.Helper()
	t.Cleanup(func() { require.Zero(t, p.live.Load(), "tokens that were not released") })
	t.Cleanup(func() { goleak.VerifyNone(t) })
	s, err := head(t, "[numbers, twice]").AsSource(t.Context(), env(p), "live/x")
	require.NoError(t, err)
	return s
}

func TestAPipelineFeedsAGraph(t *testing.T) {
	p := &probe{count: 1000, end: pipeline.End("end_of_file")}
	s := asSource(t, p)
	got := make(chan any, 1000)
	s.Via(flow.NewFilter(func(t *token) bool { return t.n%4 == 0 }, 1)).
		Via(flow.NewMap(func(el *token) int {
			require.NotSame(t, &p.live, el.live, "a copy")
			return el.n
		}, 1)).
		To(extension.NewChanSink(got))
	require.NoError(t, await(t, s.Run))
	for n := 4; n <= 2000; n += 4 {
		require.Equal(t, n, <-got)
	}
	_, more := <-got
	require.False(t, more)
	require.Equal(t, "end_of_file", s.Reason())
}

func TestAPipelineFeedsASink(t *testing.T) {
	s := asSource(t, &probe{count: 1000, end: pipeline.End("end_of_file")})
	s.To(extension.NewIgnoreSink())
	require.NoError(t, await(t, s.Run))
	require.EqualValues(t, 1000, s.Status()[2].Taken)
}

func TestAPipelinesOutputIsRead(t *testing.T) {
	s := asSource(t, &probe{count: 1000, end: pipeline.End("end_of_file")})
	n := 0
	for range s.Out() {
		n++
	}
	require.NoError(t, await(t, s.Run))
	require.Equal(t, 1000, n)
}

func TestAGraphThatIsSlowHoldsUpTheRun(t *testing.T) {
	gate := make(chan struct{})
	s := asSource(t, &probe{count: -1})
	f := flow.NewMap(func(el *token) *token { <-gate; return el }, 1)
	done := make(chan struct{})
	go func() { defer close(done); s.Via(f).To(extension.NewIgnoreSink()) }()
	require.Eventually(t, func() bool { return len(s.Busy()) > 0 }, time.Minute, time.Millisecond)
	require.Less(t, s.Status()[0].Given, uint64(10))
	close(gate)
	require.NoError(t, s.Stop("stop", time.Minute))
	<-done
}

// The graph does not see the failure of a stage: it gets the elements before it, and an end.
func TestAFailureReachesTheGraphAsAnEnd(t *testing.T) {
	s := asSource(t, &probe{count: -1, failAt: 7})
	n := 0
	for range s.Out() {
		n++
	}
	require.ErrorContains(t, await(t, s.Run), "broken on purpose")
	require.Equal(t, 6, n)
}

// stuck is a flow that does not read.
type stuck struct{ own }

func TestAGraphThatDoesNotRead(t *testing.T) {
	for name, end := range map[string]func(*pipeline.RunSource){
		"aborted":          func(s *pipeline.RunSource) { s.Abort(pipeline.ErrAborted) },
		"stopped":          func(s *pipeline.RunSource) { _ = s.Stop("stop", 40*time.Millisecond) },
		"run aborted":      func(s *pipeline.RunSource) { s.Run.Abort(pipeline.ErrAborted) },
		"drained, aborted": func(s *pipeline.RunSource) { s.Drain("stop"); s.Abort(pipeline.ErrAborted) },
	} {
		t.Run(name, func(t *testing.T) {
			s := asSource(t, &probe{count: -1})
			in := make(chan any)
			s.Via(stuck{own{in: in, out: make(chan any)}})
			require.Eventually(t, func() bool { return s.Status()[2].Taken > 1 }, time.Minute, time.Millisecond) // one is in hand, one waits
			end(s)
			require.Error(t, await(t, s.Run))
			goleak.VerifyNone(t) // no goroutine waits for it
			_, more := <-in
			require.False(t, more, "the channel is closed at the end")
		})
	}
}

// The last element may still be on its way when the run has drained.
func TestAGraphThatReadsLateMissesNothing(t *testing.T) {
	s := asSource(t, &probe{count: 3, end: pipeline.End("end_of_file")})
	in := make(chan any)
	s.Via(stuck{own{in: in, out: make(chan any)}})
	require.Equal(t, 2, (<-in).(*token).n)
	require.Equal(t, 4, (<-in).(*token).n)
	require.NoError(t, await(t, s.Run))
	require.Equal(t, 6, (<-in).(*token).n)
	_, more := <-in
	require.False(t, more)
}

func TestAGraphThatCannotTakeAnything(t *testing.T) {
	closed := make(chan any)
	close(closed)
	for name, join := range map[string]func(*pipeline.RunSource){
		"Via of nil":             func(s *pipeline.RunSource) { require.Nil(t, s.Via(nil)) },
		"To of nil":              func(s *pipeline.RunSource) { s.To(nil) },
		"a flow that has ended":  func(s *pipeline.RunSource) { s.Via(own{in: closed, out: make(chan any)}) },
		"a sink that has ended":  func(s *pipeline.RunSource) { s.To(extension.NewChanSink(closed)) },
		"a typed nil":            func(s *pipeline.RunSource) { s.Via((*flow.PassThrough)(nil)) },
		"a flow without a inlet": func(s *pipeline.RunSource) { s.Via(struct{ streams.Flow }{}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := asSource(t, &probe{count: -1})
			join(s)
			err := await(t, s.Run)
			require.ErrorContains(t, err, "stage program: transmit: the ")
			require.ErrorContains(t, err, "give Via a flow, and To a sink, that was made for this run")
		})
	}
}

func TestARunThatCannotStartIsNoSource(t *testing.T) {
	defer goleak.VerifyNone(t)
	n, err := config.Parse("test.yaml", []byte("[numbers, flow]"))
	require.NoError(t, err)
	h, problems := pipeline.CompileHead[*token]("test", n)
	require.NoError(t, problems.Err())
	g := &graphTest{probe: &probe{}, flow: func(*pipeline.Graph) (streams.Flow, error) { return nil, errors.New("no such flow") }}
	s, err := h.AsSource(context.Background(), g.env(), "live/x")
	require.ErrorContains(t, err, "no such flow")
	require.Nil(t, s)
}

func TestCompileHeadRefuses(t *testing.T) {
	for yaml, want := range map[string]string{
		"[]":                        "needs a list of stages",
		"[numbers, twice, collect]": "order.yaml:1:18: 2: collect is a sink (leave it out: the program takes the elements of the previous stage)",
		"[twice]":                   "the first stage makes the elements",
		"[numbers, lines]":          "program takes *pipeline_test.token, but lines before it gives string",
		"[numbers, twic]":           "did you mean twice?",
	} {
		n, err := config.Parse("order.yaml", []byte(yaml))
		require.NoError(t, err)
		_, problems := pipeline.CompileHead[*token]("order", n)
		require.ErrorContains(t, problems.Err(), want, yaml)
	}
}
