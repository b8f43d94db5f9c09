package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/reugn/go-streams"

	"github.com/gospool/spool/pipeline/guard"
)

// Graph connects a go-streams source, flow or sink to the run of its stage: an operator of go-
// streams has no context and cannot fail by itself. The framework passes it to the function that
// makes the operator.
//
// An element given to a graph is a copy in memory of the garbage collector. The graph may keep it,
// drop it, or pass it on any number of times, and must not change it after it has passed it on. The
// framework checks the elements that the graph returns: an element of another type fails the stage.
//
// A graph that does not end within some seconds of the end of its stage is abandoned, and the error
// names the stage.
type Graph struct {
	kind string // source, flow or sink
	set  Settings
	node *node // nil where a test calls the stage itself
	ctx  context.Context
	stop context.CancelCauseFunc
}

// Context returns a context that ends with the stage, or when it fails. Pass it to every operation
// that waits, such as a connector with extension.WithContext.
func (g *Graph) Context() context.Context { return g.ctx }

// Fail ends the stage, and so its run, with an error. Pass it to every operation that can fail,
// such as a connector with extension.WithContextCancel. It does not wait, and is safe for
// concurrent use.
func (g *Graph) Fail(err error) {
	if err == nil {
		err = errors.New("it failed and did not say why")
	}
	if g.node != nil { // first, so that the run ends with this error and not with its consequences
		g.node.run.fail(g.node, g.kind, err)
	}
	g.stop(err)
}

// Checked turns a function that may fail or panic into a function for a go-streams operator, which
// calls it on its own goroutine: a panic there would end the process. An error or a panic of f
// fails the stage, and the framework drops the operator's output for that element.
//
//	flow.NewMap(pipeline.Checked(g, convert), 1)
func Checked[T, R any](g *Graph, f func(T) (R, error)) func(T) R {
	return func(in T) (out R) {
		if err := guard.Call(func() (err error) { out, err = f(in); return err }); err != nil {
			g.Fail(err)
		}
		return out
	}
}

// Chain joins flows into one: its input is that of the first flow, its output that of the last.
// (Via of go-streams returns the last flow alone.)
func Chain(first streams.Flow, more ...streams.Flow) streams.Flow {
	c := chain{Flow: first, first: first}
	for _, f := range more {
		c.Flow = c.Flow.Via(f)
	}
	return c
}

// chain is the last flow with the input of the first.
type chain struct {
	streams.Flow
	first streams.Inlet
}

func (c chain) In() chan<- any { return c.first.In() }

// open makes a part of the graph. It is called on a goroutine of the framework, which catches a
// panic.
func open[G any](ctx context.Context, set Settings, kind string, create func(*Graph) (G, error)) (*Graph, G, error) {
	g := &Graph{kind: kind, set: set, node: nodeOf(ctx)}
	g.ctx, g.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	made, err := create(g)
	if err == nil && isNil(made) {
		err = fmt.Errorf("the function that makes the %s returned none, and no error", kind)
	}
	if err != nil {
		g.stop(err)
	}
	return g, made, err
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

var errGraphOver = errors.New("the stage is over")

// graphPatience is the time that a graph may take to end.
const graphPatience = 5 * time.Second

// drain discards the output of an ending graph until the graph closes its channel. wants is the
// remedy for a graph that does not end.
func (g *Graph) drain(c <-chan any, wants string) error {
	late, stop := g.set.Clock.After(graphPatience)
	defer stop()
	for {
		select {
		case _, more := <-c:
			if !more {
				return nil
			}
		case <-late:
			return g.leftBehind(wants)
		}
	}
}

// leftBehind returns, and logs, the error of a graph that does not end: the run may end with
// another error.
func (g *Graph) leftBehind(wants string) error {
	err := fmt.Errorf("the %s has not ended %s after it was told to, and is left behind with its goroutines: %s", g.kind, graphPatience, wants)
	g.set.Log.Warn("a go-streams graph does not end", "error", err)
	return err
}

// leave returns the value of an element that may leave the pipeline: a copy if the element owns
// counted memory or shares memory. It takes over the element's reference.
func leave[T any](el T) (any, error) {
	if u, ok := any(el).(interface{ Unpooled() T }); ok {
		defer release(el)
		return u.Unpooled(), nil
	}
	if _, counted := any(el).(Releaser); counted {
		release(el)
		return nil, fmt.Errorf("%T owns counted memory (Release), which code from elsewhere cannot: make the stage of that type, not of %v, and give the type a method Unpooled() that copies it",
			el, reflect.TypeFor[T]())
	}
	return el, nil
}

// send sends a copy of an element to a channel of the graph. It takes over the element's reference.
func send[T any](ctx context.Context, g *Graph, to chan<- any, el T) error {
	out, err := leave(el)
	if err != nil {
		return err
	}
	select {
	case to <- out:
		return nil
	case <-g.ctx.Done():
		return context.Cause(g.ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// enter returns a value of foreign code as an element of the pipeline, or an error.
func enter[T any](g *Graph, v any) (el T, err error) {
	el, ok := v.(T)
	if !ok {
		return el, fmt.Errorf("the %s gave a %T, and the stage gives %v: put an operator behind it that converts it", g.kind, v, reflect.TypeFor[T]())
	}
	if c, ok := v.(interface{ Check() error }); ok {
		err = guard.Call(c.Check)
	} else if isNil(v) {
		err = errors.New("it is nil")
	}
	if err != nil {
		err = fmt.Errorf("the %s gave a %T that no stage can take: %w", g.kind, v, err)
	}
	return el, err
}

// outlet is the end of a foreign flow, from which the framework reads. The flow's own Via joins it,
// because some operators, such as flow.Throttler, work only there.
//
// Invariant: once it is abandoned, In never blocks a sender, so the flow's goroutines can end.
type outlet struct {
	c    chan any // room for the element of a sender that had the channel before it was abandoned
	left atomic.Bool
}

func newOutlet() *outlet { return &outlet{c: make(chan any, 1)} }

// In returns the channel for the next element: go-streams calls it for each.
func (o *outlet) In() chan<- any {
	if o.left.Load() {
		return make(chan any, 1)
	}
	return o.c
}

// Out, Via and To complete the interface: no operator follows an outlet.
func (o *outlet) Out() <-chan any                 { return o.c }
func (o *outlet) Via(f streams.Flow) streams.Flow { return f }
func (o *outlet) To(streams.Sink)                 {}

// leave abandons a flow that does not end.
func (o *outlet) leave() {
	o.left.Store(true)
	select {
	case <-o.c:
	default:
	}
}
