package pipeline

import (
	"context"

	"github.com/reugn/go-streams"

	"github.com/gospool/spool/pipeline/endcause"
)

// FromSource makes a stage of a go-streams source. The framework calls create at the start of each run. The run
// drains when the source closes its Out. When the run is drained from outside, Graph.Context ends, and the
// source must close its Out: a connector does so with the option extension.WithContext. The elements that it
// emits until then flow on. After an abort its elements are discarded.
func FromSource[Out any](set Settings, create func(*Graph) (streams.Source, error)) Source[Out] {
	return &sourceStage[Out]{set: set, create: create}
}

// sourceStage reads the channel of the go-streams source directly, without a buffer of its own. The channel may be
// shared, such as that of a ChanSource: each element that sourceStage receives, it emits.
type sourceStage[Out any] struct {
	set    Settings
	create func(*Graph) (streams.Source, error)

	graph *Graph
	out   <-chan any
	over  bool // out is closed or abandoned
}

// Open calls create, which makes the go-streams source of this run.
func (s *sourceStage[Out]) Open(ctx context.Context) error {
	g, source, err := open(ctx, s.set, KindSource.String(), s.create)
	if err == nil {
		s.graph, s.out = g, source.Out()
	}
	return err
}

// Run emits the elements of the go-streams source until the source closes its Out. If ctx ends before that, because
// the run is drained or aborted, Run ends Graph.Context and emits the elements that the source still sends. It
// returns the cause if the stage fails.
func (s *sourceStage[Out]) Run(ctx context.Context, emit Emit[Out]) error {
	for {
		select {
		case v, more := <-s.out:
			switch {
			case s.graph.ctx.Err() != nil: // a function of the source has failed, and this element is its output
				return context.Cause(s.graph.ctx)
			case !more:
				s.over = true
				return End(endcause.EndOfFile)
			}
			if err := s.pass(v, emit); err != nil {
				return err
			}
		case <-s.graph.ctx.Done():
			return context.Cause(s.graph.ctx)
		case <-ctx.Done():
			return s.finish(emit)
		}
	}
}

// finish emits the rest of the source's elements after a drain has begun, until the source closes its Out. If that
// takes longer than graphPatience, finish logs it and returns nil.
func (s *sourceStage[Out]) finish(emit Emit[Out]) error {
	s.graph.stop(errGraphOver)
	late, stop := s.set.Clock.After(graphPatience)
	defer stop()
	for {
		select {
		case v, more := <-s.out:
			if !more {
				s.over = true
				return nil
			}
			if err := s.pass(v, emit); err != nil {
				return err
			}
		case <-late:
			s.over = true
			_ = s.graph.leftBehind(endsSource) // only a log: no element is lost
			return nil
		}
	}
}

const endsSource = "a source closes its Out when Graph.Context ends"

func (s *sourceStage[Out]) pass(v any, emit Emit[Out]) error {
	el, err := enter[Out](s.graph, v)
	if err != nil {
		return err
	}
	return emit(el)
}

// Close stops a go-streams source that was not drained, and discards its output. It returns an error if the source
// does not close its Out within graphPatience.
func (s *sourceStage[Out]) Close() error {
	s.graph.stop(errGraphOver)
	if s.over {
		return nil
	}
	return s.graph.drain(s.out, endsSource)
}
