package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reugn/go-streams"
	"github.com/reugn/go-streams/extension"
	"github.com/reugn/go-streams/flow"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// Unpooled returns a copy of the token that may leave the pipeline.
func (t *token) Unpooled() *token {
	return &token{n: t.n, live: new(atomic.Int64)}
}

func (t *token) Place() (seq uint64, accessUnits, bytes int) { return uint64(t.n), 1, 10 }
func (t *token) NoteLeftOut()                                {}
func (t *token) LeftOutCause() string                        { return "left_out_by_flow" }

func (t *token) Check() error {
	if t == nil {
		return errors.New("it is nil")
	}
	return nil
}

// makeFlow, makeSink and makeSource make the operators of the stages "flow", "windows", "graph_sink" and
// "graph_source".
type (
	makeFlow   func(*pipeline.Graph) (streams.Flow, error)
	makeSink   func(*pipeline.Graph) (streams.Sink, error)
	makeSource func(*pipeline.Graph) (streams.Source, error)
)

func init() {
	pipeline.RegisterTransform("flow", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Transform[*token, *token], error) {
		create, err := pipeline.Use[makeFlow](set)
		return pipeline.FromFlow[*token, *token](set, create), err
	})
	pipeline.RegisterTransform("windows", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Transform[*token, []*token], error) {
		create, err := pipeline.Use[makeFlow](set)
		return pipeline.FromFlow[*token, []*token](set, create), err
	})
	pipeline.RegisterTransform("lines", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Transform[*token, string], error) {
		return pipeline.FromFlow[*token, string](set, func(*pipeline.Graph) (streams.Flow, error) {
			return flow.NewMap(func(t *token) string { return fmt.Sprintln(t.n) }, 1), nil
		}), nil
	})
	pipeline.RegisterTransform("unlines", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Transform[string, *token], error) {
		return pipeline.FromFlow[string, *token](set, func(*pipeline.Graph) (streams.Flow, error) {
			return flow.NewMap(func(line string) (t *token) {
				t = &token{live: new(atomic.Int64)}
				fmt.Sscan(line, &t.n)
				return t
			}, 1), nil
		}), nil
	})
	pipeline.RegisterSink("graph_sink", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Sink[*token], error) {
		create, err := pipeline.Use[makeSink](set)
		return pipeline.FromSink[*token](set, create), err
	})
	pipeline.RegisterSink("line_sink", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Sink[string], error) {
		create, err := pipeline.Use[makeSink](set)
		return pipeline.FromSink[string](set, create), err
	})
	pipeline.RegisterSink("window_sink", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Sink[[]*token], error) {
		create, err := pipeline.Use[makeSink](set)
		return pipeline.FromSink[[]*token](set, create), err
	})
	pipeline.RegisterSource("line_source", struct{}{}, "", func(set pipeline.Settings, _ struct{}) (pipeline.Source[string], error) {
		create, err := pipeline.Use[makeSource](set)
		return pipeline.FromSource[string](set, create), err
	})
}

// lapse is a clock that is always later than the end of a wait.
type lapse struct{ pipelinetest.Clock }

func (*lapse) After(time.Duration) (<-chan time.Time, func()) {
	c := make(chan time.Time, 1)
	c <- time.Now()
	return c, func() {}
}

type graphTest struct {
	*probe
	flow   makeFlow
	sink   makeSink
	source makeSource
	clock  pipeline.Clock
}

func (g *graphTest) env() pipeline.Env {
	e := env(g.probe)
	pipeline.Provide(e.Services, g.flow)
	pipeline.Provide(e.Services, g.sink)
	pipeline.Provide(e.Services, g.source)
	if g.clock != nil {
		e.Clock = g.clock
	}
	return e
}

// start runs the pipeline, and checks at the end of the test that no goroutine and no token is left.
func (g *graphTest) start(t *testing.T, yaml string) *pipeline.Run {
	t.Helper()
	if g.probe == nil {
		g.probe = &probe{count: 1000, end: pipeline.End("end_of_file")}
	}
	t.Cleanup(func() { require.Zero(t, g.live.Load(), "tokens that were not released") })
	t.Cleanup(func() { goleak.VerifyNone(t) })
	run, err := compile(t, yaml).Build(g.env(), "live/x", nil)
	require.NoError(t, err)
	require.NoError(t, run.Start(t.Context()))
	return run
}

const throughFlow = "[numbers, flow, collect]"

func numbersTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i + 1
	}
	return out
}

func double(t *token) *token { return &token{n: 2 * t.n, live: new(atomic.Int64)} }

func odd(t *token) bool { return t.n%2 == 1 }

func TestAnyFlowIsAStage(t *testing.T) {
	odds := slices.DeleteFunc(numbersTo(1000), func(n int) bool { return n%2 == 0 })
	for name, c := range map[string]struct {
		make func() streams.Flow
		want []int
	}{
		"Map":         {func() streams.Flow { return flow.NewMap(double, 1) }, evens(1000)},
		"Filter":      {func() streams.Flow { return flow.NewFilter(odd, 1) }, odds},
		"PassThrough": {func() streams.Flow { return flow.NewPassThrough() }, numbersTo(1000)},
		"Throttler":   {func() streams.Flow { return flow.NewThrottler(500, time.Millisecond, 10, flow.Backpressure) }, numbersTo(1000)},
		"FlatMap": {func() streams.Flow { // one element twice
			return flow.NewFlatMap(func(t *token) []*token { return []*token{t, t} }, 1)
		}, slices.Sorted(slices.Values(append(numbersTo(1000), numbersTo(1000)...)))},
		"Chain": {func() streams.Flow {
			return pipeline.Chain(flow.NewFilter(odd, 1), flow.NewThrottler(500, time.Millisecond, 10, flow.Backpressure), flow.NewMap(double, 1))
		}, func() (out []int) {
			for _, n := range odds {
				out = append(out, 2*n)
			}
			return out
		}()},
		"Reduce": {func() streams.Flow {
			return flow.NewReduce(func(a, b *token) *token { return &token{n: max(a.n, b.n), live: new(atomic.Int64)} })
		}, numbersTo(1000)},
	} {
		t.Run(name, func(t *testing.T) {
			g := &graphTest{flow: func(*pipeline.Graph) (streams.Flow, error) { return c.make(), nil }}
			run := g.start(t, throughFlow)
			require.NoError(t, await(t, run))
			require.Equal(t, c.want, g.got)
			require.Equal(t, "end_of_file", run.Reason())
		})
	}
}

func TestWindowsAreElements(t *testing.T) {
	for name, f := range map[string]func() streams.Flow{
		"Batch":         func() streams.Flow { return flow.NewBatch[*token](7, time.Hour) },
		"SlidingWindow": func() streams.Flow { return flow.NewSlidingWindow[*token](time.Hour, time.Hour) },
		"TumblingWindow": func() streams.Flow {
			return flow.NewTumblingWindow[*token](time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan any)
			g := &graphTest{
				flow: func(*pipeline.Graph) (streams.Flow, error) { return f(), nil },
				sink: func(*pipeline.Graph) (streams.Sink, error) { return extension.NewChanSink(got), nil },
			}
			run := g.start(t, "[numbers, windows, window_sink]")
			n := 0
			for w := range got {
				n += len(w.([]*token))
			}
			require.NoError(t, await(t, run))
			require.Equal(t, 1000, n)
		})
	}
}

// A flow keeps copies: it may read them long after the pipeline has released its own elements.
func TestAFlowNeverGetsCountedMemory(t *testing.T) {
	var kept []*token
	g := &graphTest{}
	g.flow = func(*pipeline.Graph) (streams.Flow, error) {
		return flow.NewFilter(func(el *token) bool {
			require.NotSame(t, &g.live, el.live)
			kept = append(kept, el)
			return false
		}, 1), nil
	}
	run := g.start(t, throughFlow)
	require.NoError(t, await(t, run))
	require.Len(t, kept, 1000)
	require.Zero(t, g.live.Load())
}

// The dropped elements are counted while the flow runs, and completely at its end.
func TestElementsThatAFlowDropsAreCounted(t *testing.T) {
	g := &graphTest{
		probe: &probe{count: -1},
		flow:  func(*pipeline.Graph) (streams.Flow, error) { return flow.NewFilter(odd, 1), nil },
	}
	run := g.start(t, throughFlow)
	require.Eventually(t, func() bool {
		drops := run.Report().Drops
		return len(drops) == 1 && drops[0].AccessUnits > 100
	}, time.Minute, time.Millisecond)
	run.Drain("stop")
	require.NoError(t, await(t, run))
	given := run.Status()[0].Given
	require.Equal(t, []pipeline.Drop{{Stage: "flow", Cause: "left_out_by_flow", AccessUnits: given / 2, Bytes: given / 2 * 10}}, run.Report().Drops)
}

func TestAFlowWithoutOutputKeepsABoundedAccount(t *testing.T) {
	g := &graphTest{
		probe: &probe{count: -1},
		flow: func(*pipeline.Graph) (streams.Flow, error) {
			return flow.NewFilter(func(*token) bool { return false }, 1), nil
		},
	}
	run := g.start(t, throughFlow)
	require.Eventually(t, func() bool { return len(run.Report().Drops) == 1 }, time.Minute, time.Millisecond)
	run.Drain("stop")
	require.NoError(t, await(t, run))
	require.Equal(t, run.Status()[0].Given, run.Report().Drops[0].AccessUnits)
}

func TestAFlowThatIsSlowHoldsUpTheSource(t *testing.T) {
	gate := make(chan struct{})
	g := &graphTest{
		probe: &probe{count: -1},
		flow: func(*pipeline.Graph) (streams.Flow, error) {
			return flow.NewMap(func(el *token) *token { <-gate; return el }, 1), nil
		},
	}
	run := g.start(t, throughFlow)
	require.Eventually(t, func() bool { return slices.Contains(run.Busy(), "flow (process)") }, time.Minute, time.Millisecond)
	given := run.Status()[0].Given
	require.Less(t, given, uint64(10))
	close(gate)
	require.Eventually(t, func() bool { return run.Status()[2].Taken > given+10 }, time.Minute, time.Millisecond)
	run.Drain("stop")
	require.NoError(t, await(t, run))
	require.Equal(t, run.Status()[0].Given, run.Status()[2].Taken)
}

func TestAFlowIsAbortedWhileItWorks(t *testing.T) {
	gate, working := make(chan struct{}), make(chan struct{})
	cancelled := make(chan struct{})
	g := &graphTest{
		probe: &probe{count: -1},
		flow: func(g *pipeline.Graph) (streams.Flow, error) {
			context.AfterFunc(g.Context(), func() { close(cancelled) })
			var once sync.Once
			return flow.NewMap(func(el *token) *token { once.Do(func() { close(working) }); <-gate; return el }, 3), nil
		},
	}
	run := g.start(t, throughFlow)
	<-working
	cause := errors.New("enough")
	run.Abort(cause)
	<-cancelled // the flow is cancelled
	close(gate)
	require.ErrorIs(t, await(t, run), cause)
}

func TestAFlowThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		flow makeFlow
		says string
	}{
		"an error of a function": {func(g *pipeline.Graph) (streams.Flow, error) {
			return flow.NewMap(pipeline.Checked(g, func(el *token) (*token, error) {
				if el.n == 7 {
					return nil, errors.New("seven is not liked")
				}
				return el, nil
			}), 1), nil
		}, "seven is not liked"},
		"a panic of a function": {func(g *pipeline.Graph) (streams.Flow, error) {
			return flow.NewFilter(pipeline.Checked(g, func(el *token) (bool, error) {
				if el.n == 7 {
					panic("seven is not liked")
				}
				return true, nil
			}), 1), nil
		}, "panic: seven is not liked"},
		"no error is said": {func(g *pipeline.Graph) (streams.Flow, error) {
			return flow.NewMap(func(el *token) *token {
				if el.n == 7 {
					g.Fail(nil)
				}
				return el
			}, 1), nil
		}, "it failed and did not say why"},
		"another type": {func(*pipeline.Graph) (streams.Flow, error) {
			return flow.NewMap(func(el *token) int { return el.n }, 1), nil
		}, "the flow gave a int, and the stage gives *pipeline_test.token: put an operator behind it that converts it"},
		"nil": {func(*pipeline.Graph) (streams.Flow, error) {
			return flow.NewMap(func(el *token) *token { return nil }, 1), nil
		}, "the flow gave a *pipeline_test.token that no stage can take: it is nil"},
		"ends early":           {takes(7, true), "the flow has closed its Out while elements still come"},
		"ends and reads on":    {takes(7, false), "the flow has closed its Out while elements still come"},
		"closes its own In":    {closesIn, "send on closed channel"},
		"ends before it began": {takes(0, true), "the flow has closed its Out while elements still come"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &graphTest{probe: &probe{count: -1}, flow: c.flow}
			run := g.start(t, throughFlow)
			err := await(t, run)
			var se *pipeline.StageError
			require.ErrorAs(t, err, &se)
			require.Equal(t, "flow", se.Stage, err)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, "error", run.Reason())
			require.LessOrEqual(t, len(g.got), 7, "nothing comes out behind a failure")
		})
	}
}

// The value that a failed function returns with its error is dropped.
func TestTheResultOfAFailedFunctionIsDropped(t *testing.T) {
	for range 50 {
		g := &graphTest{probe: &probe{count: -1}, flow: func(g *pipeline.Graph) (streams.Flow, error) {
			return flow.NewMap(pipeline.Checked(g, func(el *token) (*token, error) {
				if el.n >= 7 {
					return el, errors.New("seven is not liked")
				}
				return el, nil
			}), 1), nil
		}}
		require.ErrorContains(t, await(t, g.start(t, throughFlow)), "seven is not liked")
		require.LessOrEqual(t, len(g.got), 6)
	}
}

// own is a flow without the connectors of go-streams.
type own struct{ in, out chan any }

func (o own) In() chan<- any  { return o.in }
func (o own) Out() <-chan any { return o.out }
func (o own) To(streams.Sink) {}
func (o own) Via(f streams.Flow) streams.Flow {
	flow.DoStream(o, f)
	return f
}

// takes closes its output after n elements, and may go on reading.
func takes(n int, stops bool) makeFlow {
	return func(*pipeline.Graph) (streams.Flow, error) {
		o := own{make(chan any), make(chan any)}
		go func() {
			for range n {
				o.out <- <-o.in
			}
			close(o.out)
			if !stops {
				for range o.in {
				}
			}
		}()
		return o, nil
	}
}

func closesIn(g *pipeline.Graph) (streams.Flow, error) {
	o := own{make(chan any), make(chan any)}
	close(o.in)
	context.AfterFunc(g.Context(), func() { close(o.out) })
	return o, nil
}

func TestAFlowThatCannotBeMade(t *testing.T) {
	for name, c := range map[string]struct {
		flow makeFlow
		says string
	}{
		"panics":    {func(*pipeline.Graph) (streams.Flow, error) { return flow.NewMap(double, 0), nil }, "nonpositive Map parallelism"},
		"an error":  {func(*pipeline.Graph) (streams.Flow, error) { return nil, errors.New("no such list") }, "no such list"},
		"none":      {func(*pipeline.Graph) (streams.Flow, error) { return nil, nil }, "returned none, and no error"},
		"typed nil": {func(*pipeline.Graph) (streams.Flow, error) { return (*flow.PassThrough)(nil), nil }, "returned none, and no error"},
	} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			g := &graphTest{probe: &probe{count: 5}, flow: c.flow}
			run, err := compile(t, throughFlow).Build(g.env(), "live/x", nil)
			require.NoError(t, err)
			err = run.Start(t.Context())
			require.ErrorContains(t, err, "stage flow: open: ")
			require.ErrorContains(t, err, c.says)
		})
	}
}

// go-streams itself would panic, on a goroutine without a recover.
func TestAnOperatorOfAnotherTypeIsRefused(t *testing.T) {
	defer goleak.VerifyNone(t)
	for name, create := range map[string]func() streams.Flow{
		"Map":           func() streams.Flow { return flow.NewMap(func(n int) *token { return nil }, 1) },
		"Filter":        func() streams.Flow { return flow.NewFilter(func(int) bool { return true }, 1) },
		"FlatMap":       func() streams.Flow { return flow.NewFlatMap(func(n int) []*token { return nil }, 1) },
		"Reduce":        func() streams.Flow { return flow.NewReduce(func(a, b int) int { return 0 }) },
		"Fold":          func() streams.Flow { return flow.NewFold(new(token), func(n int, b *token) *token { return b }) },
		"Batch":         func() streams.Flow { return flow.NewBatch[int](3, time.Hour) },
		"SlidingWindow": func() streams.Flow { return flow.NewSlidingWindow[int](time.Hour, time.Hour) },
		"Chain": func() streams.Flow {
			return pipeline.Chain(flow.NewFilter(func(int) bool { return true }, 1), flow.NewPassThrough())
		},
	} {
		g := &graphTest{probe: &probe{count: 5}, flow: func(*pipeline.Graph) (streams.Flow, error) { return create(), nil }}
		run, err := compile(t, throughFlow).Build(g.env(), "live/x", nil)
		require.NoError(t, err)
		require.ErrorContains(t, run.Start(t.Context()),
			"stage flow: open: the flow takes int, and the stage is given *pipeline_test.token: make its first operator for that type", name)
	}
}

// A flow that keeps its output open is left behind: the drain waits, the deadline aborts, and later output of the flow
// is dropped without blocking it.
func TestAFlowThatNeverEnds(t *testing.T) {
	letGo := make(chan struct{})
	g := &graphTest{
		probe: &probe{count: 20, end: pipeline.End("end_of_file")},
		flow: func(*pipeline.Graph) (streams.Flow, error) {
			o := own{make(chan any), make(chan any)}
			go func() {
				for el := range o.in {
					o.out <- el
				}
				<-letGo
				for range 10 {
					o.out <- &token{live: new(atomic.Int64)}
				}
				close(o.out)
			}()
			return o, nil
		},
	}
	g.clock = &lapse{}
	run := g.start(t, throughFlow)
	require.Eventually(t, func() bool { return slices.Contains(run.Busy(), "flow (flush)") }, time.Minute, time.Millisecond)
	run.Abort(pipeline.ErrDeadline)
	require.ErrorIs(t, await(t, run), pipeline.ErrDeadline)
	close(letGo)
}

// The error of a flow that is left behind is the run's error if the run has no other.
func TestAFlowThatIsLeftBehindIsNamed(t *testing.T) {
	letGo := make(chan struct{})
	set := pipeline.NewSettings(env(&probe{}), "p", "live/x", "flow")
	set.Clock = &lapse{}
	s := pipeline.FromFlow[int, int](set, func(*pipeline.Graph) (streams.Flow, error) {
		o := own{make(chan any), make(chan any)}
		go func() {
			<-letGo
			for range 10 {
				o.out <- 1
			}
			close(o.out)
		}()
		return o, nil
	})
	require.NoError(t, s.(pipeline.Opener).Open(t.Context()))
	err := s.(pipeline.Closer).Close()
	require.ErrorContains(t, err, "the flow has not ended 5s after it was told to, and is left behind")
	close(letGo)
	goleak.VerifyNone(t)
}

// secret owns counted memory and cannot be copied.
type secret struct{}

func (secret) Release() {}

func TestAnElementThatOwnsMemoryAndCannotBeCopiedDoesNotLeave(t *testing.T) {
	defer goleak.VerifyNone(t)
	set := pipeline.NewSettings(env(&probe{}), "p", "live/x", "flow")
	pass := func(*pipeline.Graph) (streams.Flow, error) { return flow.NewPassThrough(), nil }
	for _, s := range []pipeline.Transform[any, any]{pipeline.FromFlow[any, any](set, pass)} {
		require.NoError(t, s.(pipeline.Opener).Open(t.Context()))
		err := s.Process(t.Context(), secret{}, func(any) error { return nil })
		require.ErrorContains(t, err, "pipeline_test.secret owns counted memory (Release)")
		require.NoError(t, s.(pipeline.Closer).Close())
	}
}

// Without a run, as a test calls it, a stage emits its output at once and returns the same errors.
func TestAFlowWorksWithoutARun(t *testing.T) {
	defer goleak.VerifyNone(t)
	set := pipeline.NewSettings(env(&probe{}), "p", "live/x", "flow")
	s := pipeline.FromFlow[int, int](set, func(g *pipeline.Graph) (streams.Flow, error) {
		return flow.NewMap(pipeline.Checked(g, func(n int) (int, error) {
			if n == 3 {
				return 0, io.ErrUnexpectedEOF
			}
			return 2 * n, nil
		}), 1), nil
	})
	require.NoError(t, s.(pipeline.Opener).Open(t.Context()))
	got := make(chan int, 10)
	emit := func(n int) error { got <- n; return nil }
	require.NoError(t, s.Process(t.Context(), 2, emit))
	require.Equal(t, 4, <-got)
	require.NoError(t, s.Process(t.Context(), 3, emit))
	require.ErrorIs(t, s.Flush(t.Context(), emit), io.ErrUnexpectedEOF)
	require.NoError(t, s.(pipeline.Closer).Close())
	require.Empty(t, got)
}
