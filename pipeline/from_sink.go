package pipeline

import (
	"context"

	"github.com/reugn/go-streams"

	"github.com/gospool/spool/pipeline/guard"
)

// FromSink makes a stage of any go-streams sink. create is called at the start of each run;
// see FromFlow for what the sink must take. A drain waits until the sink has completed. A
// connector that fails says so in its log alone: let it tell the run, too, by
//
//	extension.WithContextCancel(func() { g.Fail(errors.New("the list cannot be written")) })
func FromSink[In any](set Settings, create func(*Graph) (streams.Sink, error)) Sink[In] {
	return &sinkStage[In]{set: set, create: create}
}

type sinkStage[In any] struct {
	set    Settings
	create func(*Graph) (streams.Sink, error)

	graph     *Graph
	sink      streams.Sink
	in        chan<- any
	completed chan any // closed when the sink has; nil before its input is closed
	over      bool     // it has
}

// Open makes the sink.
func (s *sinkStage[In]) Open(ctx context.Context) (err error) {
	if s.graph, s.sink, err = open(ctx, s.set, KindSink.String(), s.create); err == nil {
		s.in = s.sink.In()
	}
	return err
}

// Consume gives the sink a copy.
func (s *sinkStage[In]) Consume(ctx context.Context, in In) error {
	el, err := leave(in)
	if err != nil {
		return err
	}
	select {
	case s.in <- el:
		return nil
	case <-s.graph.ctx.Done():
		return context.Cause(s.graph.ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Flush ends the sink's input and waits until it has completed.
func (s *sinkStage[In]) Flush(ctx context.Context) error {
	s.end()
	select {
	case <-s.completed:
		s.over = true
		return context.Cause(s.graph.ctx)
	case <-s.graph.ctx.Done():
		return context.Cause(s.graph.ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close ends a sink that was not drained.
func (s *sinkStage[In]) Close() error {
	s.graph.stop(errGraphOver)
	if s.over {
		return nil
	}
	if s.completed == nil {
		s.end()
	}
	return s.graph.drain(s.completed, "AwaitCompletion of a sink returns once its In is closed")
}

// end closes the sink's input. What waits for it then cannot be told to end.
func (s *sinkStage[In]) end() {
	completed := make(chan any)
	s.completed = completed
	go func() {
		defer close(completed)
		if err := guard.Call(func() error { close(s.in); s.sink.AwaitCompletion(); return nil }); err != nil {
			s.graph.Fail(err)
		}
	}()
}
