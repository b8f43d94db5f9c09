package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/reugn/go-streams"

	"github.com/gospool/spool/pipeline/guard"
)

// FromFlow makes a stage of a go-streams flow, or of several flows joined by Chain:
//
//	FromFlow[*media.Chunk, *media.Chunk](set, func(*Graph) (streams.Flow, error) {
//		return flow.NewFilter(bright, 1), nil
//	})
//
// The framework calls create at the start of each run, because a flow starts its goroutines when it is made and
// runs only once. The first operator must take elements of type In. If a later operator gets an element of a
// type that it does not take, go-streams panics and the process ends.
//
// A slow flow holds up the previous stage. If the flow's output ends before its input, the stage fails. A drain
// waits for the rest of the flow's output. A chunk that the flow did not return counts as left out once the
// flow has returned a later chunk.
func FromFlow[In, Out any](set Settings, create func(*Graph) (streams.Flow, error)) Transform[In, Out] {
	return &flowStage[In, Out]{set: set, create: create, left: newLeftOut[In, Out]()}
}

// flowStage is the stage that FromFlow makes. It sends elements to the flow in Process, and reads the flow's output
// on another goroutine.
type flowStage[In, Out any] struct {
	set    Settings
	create func(*Graph) (streams.Flow, error)
	left   *leftOut

	graph   *Graph
	in      chan<- any
	out     *outlet
	closed  atomic.Bool   // in is closed
	reading chan struct{} // closed when read has ended; nil before read begins
	over    bool          // the flow's output has ended; set by read
}

// Open calls create, checks that the flow takes elements of type In, and joins the flow's output to s.out.
func (s *flowStage[In, Out]) Open(ctx context.Context) error {
	g, f, err := open(ctx, s.set, "flow", s.create)
	if err != nil {
		return err
	}
	if err := checkTakes(f, reflect.TypeFor[In]()); err != nil {
		g.stop(err)
		close(f.In())
		return err
	}
	s.graph, s.in, s.out = g, f.In(), newOutlet()
	f.Via(s.out)
	return nil
}

// checkTakes returns an error if the first operator of f is one of go-streams that would panic on elements of the
// type given.
func checkTakes(f streams.Flow, given reflect.Type) error {
	var first any = f
	if c, ok := f.(chain); ok {
		first = c.first
	}
	t := reflect.TypeOf(first)
	if t.Kind() != reflect.Pointer || t.Elem().PkgPath() != operators || given.Kind() == reflect.Interface {
		return nil
	}
	if takes := argument(t.Elem()); takes != nil && !given.AssignableTo(takes) {
		return fmt.Errorf("the flow takes %v, and the stage is given %v: make its first operator for that type", takes, given)
	}
	return nil
}

const operators = "github.com/reugn/go-streams/flow"

// argument returns the type of the elements that a go-streams operator takes. That is the type of the first
// parameter of a function among the operator's fields, or the item type of a slice field. It returns nil if the
// operator has no such field.
func argument(operator reflect.Type) reflect.Type {
	for i := range operator.NumField() {
		switch t := operator.Field(i).Type; t.Kind() {
		case reflect.Func:
			if t.NumIn() > 0 {
				return t.In(0)
			}
		case reflect.Slice:
			if t.Elem().PkgPath() != operators {
				return t.Elem()
			}
		case reflect.Struct:
			if t.PkgPath() == operators {
				if a := argument(t); a != nil {
					return a
				}
			}
		}
	}
	return nil
}

// Process sends a copy of the element in to the flow, and releases in. The flow's output is emitted by read, on
// another goroutine.
func (s *flowStage[In, Out]) Process(ctx context.Context, in In, emit Emit[Out]) error {
	s.begin(ctx, emit)
	s.left.took(in)
	return send(ctx, s.graph, s.in, in)
}

// Flush closes the flow's input and waits for the rest of its output.
func (s *flowStage[In, Out]) Flush(ctx context.Context, emit Emit[Out]) error {
	s.begin(ctx, emit)
	s.closeIn()
	select {
	case <-s.reading:
		return context.Cause(s.graph.ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close stops the flow. After an abort or a failure it also closes the flow's input and discards its output.
func (s *flowStage[In, Out]) Close() error {
	s.graph.stop(errGraphOver)
	if s.reading != nil {
		<-s.reading
	}
	if s.over {
		return nil
	}
	closing := guard.Call(func() error { s.closeIn(); return nil })
	ending := s.graph.drain(s.out.c, "a flow closes its Out when its In is closed")
	if ending != nil {
		s.out.leave()
	}
	return errors.Join(closing, ending)
}

// Report adds to r.Drops the elements that the flow has left out.
func (s *flowStage[In, Out]) Report(r *Report) {
	s.left.report(r, s.set.Stage)
}

func (s *flowStage[In, Out]) closeIn() {
	if !s.closed.Swap(true) {
		close(s.in)
	}
}

// begin starts read on its own goroutine in the first call of a run, and then does nothing. It keeps the emit of the
// first call, which is valid for the whole run.
func (s *flowStage[In, Out]) begin(ctx context.Context, emit Emit[Out]) {
	if s.reading != nil {
		return
	}
	s.reading = make(chan struct{})
	read := func() {
		defer close(s.reading)
		if err := guard.Call(func() error { return s.read(ctx, emit) }); err != nil && ctx.Err() == nil {
			s.graph.Fail(err)
		}
	}
	if n := s.graph.node; n != nil {
		n.beside(read)
		return
	}
	go read()
}

// read emits the output of the flow until the flow closes it. It returns an error if the flow does so before its
// input is closed, or returns a value that is no valid element of type Out.
func (s *flowStage[In, Out]) read(ctx context.Context, emit Emit[Out]) error {
	for {
		select {
		case v, more := <-s.out.c:
			switch {
			case s.graph.ctx.Err() != nil: // a function of the flow has failed, and this element is its output
				return context.Cause(s.graph.ctx)
			case !more && !s.closed.Load():
				return errEarly
			case !more:
				s.over = true
				s.left.ended()
				return nil
			}
			el, err := enter[Out](s.graph, v)
			if err != nil {
				return err
			}
			s.left.gave(el)
			if err := emit(el); err != nil {
				return err
			}
		case <-s.graph.ctx.Done():
			return context.Cause(s.graph.ctx)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

var errEarly = errors.New("the flow has closed its Out while elements still come: a flow ends when its In is closed; one that leaves out all that follows goes on reading")
