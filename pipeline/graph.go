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

// Graph is what the code that makes a go-streams source, flow or sink for a stage gets from
// the framework: a go-streams operator has no context and cannot fail by itself.
//
// An element that a graph is given is a copy in memory of the garbage collector, which the
// graph may keep, drop or hand on as often as it likes. It changes none that it has handed on.
// What it gives is checked, and fails the stage where it is not of the stage's type.
//
// A graph that does not end within some seconds of being told to is left behind, and the
// error names the stage.
type Graph struct {
	kind string // source, flow or sink
	set  Settings
	node *node // nil where a test calls the stage itself
	ctx  context.Context
	stop context.CancelCauseFunc
}

// Context ends when the stage is over, or has failed: hand it to what waits, such as a
// connector by extension.WithContext.
func (g *Graph) Context() context.Context { return g.ctx }

// Fail ends the stage, and so its run, with an error: hand it to what notices one, such as a
// connector by extension.WithContextCancel. It does not wait, and may be called from anywhere.
func (g *Graph) Fail(err error) {
	if err == nil {
		err = errors.New("it failed and did not say why")
	}
	if g.node != nil { // first, so that this is the run's error, and not what follows from it
		g.node.run.fail(g.node, g.kind, err)
	}
	g.stop(err)
}

// Checked turns a function that may fail or panic into one for a go-streams operator, which
// calls it on a goroutine of its own: there a panic ends the process. Here either fails the
// stage, and what the operator makes of that element is dropped.
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

// Chain joins flows into one: what it is given goes into the first, and what the last one
// gives comes out. (Via of go-streams returns the last flow alone.)
func Chain(first streams.Flow, more ...streams.Flow) streams.Flow {
	c := chain{Flow: first, first: first}
	for _, f := range more {
		c.Flow = c.Flow.Via(f)
	}
	return c
}

// chain is the last flow, but for the inlet of the first.
type chain struct {
	streams.Flow
	first streams.Inlet
}

func (c chain) In() chan<- any { return c.first.In() }

// open makes a part of the graph. It is called on a goroutine of the framework, which
// catches a panic.
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

// graphPatience is how long a graph may take to end once it was told to.
const graphPatience = 5 * time.Second

// drain reads what nobody wants any more until a graph that was told to end closes its
// channel. wants says what that takes.
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

// leftBehind is the error of a graph that does not end. It is logged, since the run may have
// ended by another one.
func (g *Graph) leftBehind(wants string) error {
	err := fmt.Errorf("the %s has not ended %s after it was told to, and is left behind with its goroutines: %s", g.kind, graphPatience, wants)
	g.set.Log.Warn("a go-streams graph does not end", "error", err)
	return err
}

// leave returns what of an element may leave the pipeline: a copy where it owns counted
// memory, or shares memory with others. It takes over the element's reference.
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

// enter returns what comes from outside as an element of the pipeline.
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

// outlet is the end of a foreign flow that the framework reads. It is joined by the flow's
// own Via, since some operators, such as flow.Throttler, work only there.
//
// Invariant: once it is left, In never blocks a sender: its goroutines go on into nothing and
// end by themselves.
type outlet struct {
	c    chan any // with room for one: that of a sender that had the channel when it was left
	left atomic.Bool
}

func newOutlet() *outlet { return &outlet{c: make(chan any, 1)} }

// In returns the channel that takes the next element: go-streams asks for it each time.
func (o *outlet) In() chan<- any {
	if o.left.Load() {
		return make(chan any, 1)
	}
	return o.c
}

// Out, Via and To are there for the interface: nothing is behind it.
func (o *outlet) Out() <-chan any                 { return o.c }
func (o *outlet) Via(f streams.Flow) streams.Flow { return f }
func (o *outlet) To(streams.Sink)                 {}

// leave lets a flow that does not end go on without a reader.
func (o *outlet) leave() {
	o.left.Store(true)
	select {
	case <-o.c:
	default:
	}
}
