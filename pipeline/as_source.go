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

// Head is a pipeline without its sink: a source and further stages. The last stage emits elements of type T,
// which the program takes in place of a sink.
type Head[T any] struct{ plan *Plan }

// CompileHead checks a list of stages as Compile does. The list ends without a sink, and its last stage must
// emit elements of type T.
func CompileHead[T any](name string, stages *config.Node) (*Head[T], config.Problems) {
	if stages == nil || !stages.IsList || len(stages.List) == 0 {
		_, problems := Compile(name, stages)
		return nil, problems
	}
	p := &Plan{Name: name}
	complete, problems := p.read(stages)
	if last := len(p.stages) - 1; complete && p.stages[last].Kind == KindSink {
		problems.Add(stages.List[last], "leave it out: the program takes the elements of the previous stage", "%s is a sink", p.stages[last].Name)
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

// program returns a sink that sends each element to the channel of source, from which the program's go-streams graph
// receives it. The sink closes the channel at the end of the run.
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

// AsSource starts a run for a stream. The returned source passes the elements of the last stage to a go-streams
// graph:
//
//	source, err := head.AsSource(ctx, env, "live/door")
//	source.Via(flow.NewFilter(finished, 1)).To(sink) // until the run has ended
//	err = source.Err()
//
// ctx bounds only the opening of the stages, as in Run.Start. The run ends by Drain, by Abort, or by itself.
// The graph gets copies in memory of the garbage collector. A slow graph holds up the run, so the list should
// have a stage in which elements may wait, such as gop_ring.
func (h *Head[T]) AsSource(ctx context.Context, env Env, stream string) (*RunSource, error) {
	s := &RunSource{out: make(chan any), quit: make(chan struct{})}
	plan := &Plan{Name: h.plan.Name, stages: slices.Clone(h.plan.stages)}
	plan.stages[len(plan.stages)-1] = declared{stage: program[T](s)}
	var err error
	if s.Run, err = plan.Build(env, stream, nil); err != nil {
		return nil, err
	}
	context.AfterFunc(s.ctx, func() {
		if context.Cause(s.ctx) != context.Canceled { // Canceled is the cause when a drained run ends
			s.letGo()
		}
	})
	if err = s.Start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// RunSource is a run whose output is a go-streams source. The program uses exactly one of Out, Via and To.
type RunSource struct {
	*Run
	out  chan any
	once sync.Once
	quit chan struct{} // closed when the remaining elements are dropped instead of sent to the graph
}

var _ streams.Source = (*RunSource)(nil)

// Out returns the channel of the elements. The channel closes when the run has ended.
func (s *RunSource) Out() <-chan any { return s.out }

// Via sends the elements to a flow, and closes the flow's In when the run has ended. A flow that cannot receive
// them, such as nil, aborts the run; Err then returns the error.
func (s *RunSource) Via(f streams.Flow) streams.Flow {
	go s.transmit(f)
	return f
}

// To sends the elements to a sink, and waits until the sink has completed. A sink that cannot receive them
// aborts the run; Err then returns the error.
func (s *RunSource) To(sink streams.Sink) {
	if s.transmit(sink) {
		sink.AwaitCompletion()
	}
}

// Err waits for the end of the run and returns its error, as Run.Err does.
func (s *RunSource) Err() error {
	<-s.Done()
	return s.Run.Err()
}

// Abort aborts the run. Elements that the graph has not received are dropped, so a graph that does not read cannot
// hold up the end of the run. Abort may be called after Drain.
func (s *RunSource) Abort(cause error) {
	s.Run.Abort(cause)
	s.letGo()
}

// endOfOutput is the stage that takes the place of the sink, for Closer. Close closes the channel of RunSource.Out.
type endOfOutput chan any

func (out endOfOutput) Close() error {
	close(out)
	return nil
}

func (s *RunSource) letGo() { s.once.Do(func() { close(s.quit) }) }

// transmit sends the elements of the run to a graph, and closes the graph's In at the end of the run. If graph
// cannot receive them, such as nil, transmit aborts the run and returns false.
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
