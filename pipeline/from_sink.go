package pipeline

import (
	"context"

	"github.com/reugn/go-streams"

	"github.com/gospool/spool/pipeline/guard"
)

// FromSink makes a stage of a go-streams sink. The framework calls create at the start of each run; see
// FromFlow for the types that the sink must take. A drain waits until the sink has completed. A connector of
// go-streams that fails only logs the failure. To make it fail the run as well, give it the option
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
	completed chan any // closed when the sink has completed; nil until the sink's input is closed
	over      bool     // the sink has completed
}

// Open calls create, which makes the go-streams sink of this run.
func (s *sinkStage[In]) Open(ctx context.Context) (err error) {
	if s.graph, s.sink, err = open(ctx, s.set, KindSink.String(), s.create); err == nil {
		s.in = s.sink.In()
	}
	return err
}

// Consume sends a copy of the element in to the go-streams sink, and releases in.
func (s *sinkStage[In]) Consume(ctx context.Context, in In) error {
	return send(ctx, s.graph, s.in, in)
}

// Flush closes the input of the go-streams sink, and waits until the sink has completed. It returns the cause if the
// stage fails or the run is aborted before that.
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

// Close closes the input of a go-streams sink that was not drained, and waits until the sink has completed. It
// returns an error if that takes longer than graphPatience. After a drain it does nothing.
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

// end closes the sink's input. It waits for the sink's completion on a goroutine of its own, because
// AwaitCompletion takes no context.
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
