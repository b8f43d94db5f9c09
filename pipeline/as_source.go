package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/reugn/go-streams"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/guard"
)

// Head is the begin of a pipeline: a source, and stages of which the last gives elements of
// type T. The program takes them in place of a sink.
type Head[T any] struct{ plan *Plan }

// CompileHead is Compile for a list of stages that ends without a sink.
func CompileHead[T any](name string, stages *config.Node) (*Head[T], config.Problems) {
	if stages == nil || !stages.IsList || len(stages.List) == 0 {
		_, problems := Compile(name, stages)
		return nil, problems
	}
	p := &Plan{Name: name}
	complete, problems := p.read(stages)
	if last := len(p.stages) - 1; complete && p.stages[last].Kind == KindSink {
		problems.Add(stages.List[last], "leave it out: the program takes what the stage before it gives", "%s is a sink", p.stages[last].Name)
	} else if complete {
		list := *stages
		list.List = append(slices.Clone(stages.List), stages)
		p.stages = append(p.stages, declared{stage: program[T](&RunSource{})})
		problems = append(problems, p.checkOrder(&list)...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return &Head[T]{plan: p}, nil
}

// program is what takes the place of the sink.
func program[T any](source *RunSource) *stage {
	return &stage{
		StageInfo: StageInfo{Name: "program", Kind: KindSink, In: reflect.TypeFor[T]()},
		build: func(Settings, any) (built, error) {
			return built{
				object:  endOfOutput(source.out),
				consume: func(ctx context.Context, el any) error { return give(ctx, source, el.(T)) },
				flush:   func(context.Context) error { return nil },
			}, nil
		},
	}
}

func give[T any](ctx context.Context, source *RunSource, el T) error {
	out, err := leave(el)
	if err != nil {
		return err
	}
	select {
	case source.out <- out:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// AsSource starts a run for a stream. What its last stage gives is a go-streams source, for a
// graph of the program's own:
//
//	source, err := head.AsSource(ctx, env, "live/door")
//	source.Via(flow.NewFilter(finished, 1)).To(sink) // until the run has ended
//	err = source.Err()
//
// The graph gets copies in memory of the garbage collector. While it is slow the run is: put
// a stage before it that may wait, such as gop_ring.
func (h *Head[T]) AsSource(ctx context.Context, env Env, stream string) (*RunSource, error) {
	s := &RunSource{out: make(chan any), quit: make(chan struct{})}
	plan := &Plan{Name: h.plan.Name, stages: slices.Clone(h.plan.stages)}
	plan.stages[len(plan.stages)-1] = declared{stage: program[T](s)}
	var err error
	if s.Run, err = plan.Build(env, stream, nil); err != nil {
		return nil, err
	}
	context.AfterFunc(s.ctx, func() {
		if context.Cause(s.ctx) != context.Canceled { // which ends a run that has drained
			s.letGo()
		}
	})
	if err = s.Start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// RunSource is a run whose output is a go-streams source. It has one reader: Out, Via or To.
type RunSource struct {
	*Run
	out  chan any
	once sync.Once
	quit chan struct{} // closed when what is on its way to the graph is to be dropped
}

var _ streams.Source = (*RunSource)(nil)

// Out returns the channel of the elements. It closes at the end of the run.
func (s *RunSource) Out() <-chan any { return s.out }

// Via gives the elements to a flow, and closes its In at the end of the run. A flow that
// cannot take them, such as nil, aborts the run: see Err.
func (s *RunSource) Via(f streams.Flow) streams.Flow {
	go s.transmit(f)
	return f
}

// To gives the elements to a sink, and waits until that has completed. A sink that cannot
// take them aborts the run: see Err.
func (s *RunSource) To(sink streams.Sink) {
	if s.transmit(sink) {
		sink.AwaitCompletion()
	}
}

// Err waits for the end of the run, and is that of Run.
func (s *RunSource) Err() error {
	<-s.Done()
	return s.Run.Err()
}

// Abort is that of Run. It also lets go of a graph that does not read, after a drain, too.
func (s *RunSource) Abort(cause error) {
	s.Run.Abort(cause)
	s.letGo()
}

// endOfOutput closes the source's channel at the end of the run.
type endOfOutput chan any

func (out endOfOutput) Close() error {
	close(out)
	return nil
}

func (s *RunSource) letGo() { s.once.Do(func() { close(s.quit) }) }

// transmit gives the elements to a graph, and reports whether it took them to their end.
func (s *RunSource) transmit(graph streams.Inlet) bool {
	err := guard.Call(func() error {
		if isNil(graph) {
			return errors.New("it is nil")
		}
		for el := range s.out {
			select {
			case graph.In() <- el:
			case <-s.quit:
			}
		}
		close(graph.In())
		return nil
	})
	if err == nil {
		return true
	}
	err = fmt.Errorf("the %T behind the pipeline cannot take what it gives: %w: give Via a flow, and To a sink, that was made for this run", graph, err)
	s.Abort(s.stageError("program", "transmit", err))
	for range s.out { // until the run has ended
	}
	return false
}
