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

// Graph connects a go-streams source, flow or sink to the run of its stage, because the operators of go-streams
// have no context and return no error. The framework passes a Graph to the function that creates the operator.
//
// The elements that a graph receives are copies in memory of the garbage collector. The graph may keep an
// element, drop it, or pass it on any number of times, but must not change it after it has passed it on. The
// framework checks the elements that the graph returns: an element of another type fails the stage.
//
// A graph that does not end within 5 seconds after its stage is abandoned with its goroutines. The error names
// the stage.
type Graph struct {
	kind string // source, flow or sink
	set  Settings
	node *node // nil in a test that calls the stage directly
	ctx  context.Context
	stop context.CancelCauseFunc
}

// Context returns a context that ends when the stage ends or fails. Pass it to each operation that waits, such
// as a connector with extension.WithContext.
func (g *Graph) Context() context.Context { return g.ctx }

// Fail fails the stage, and so its run, with err. Call it when an operation of the graph fails, for example in
// extension.WithContextCancel of a connector. It does not wait, and is safe for concurrent use.
func (g *Graph) Fail(err error) {
	if err == nil {
		err = errors.New("it failed and did not say why")
	}
	if g.node != nil { // first, so that err is the run's error, and not a consequence of err
		g.node.run.fail(g.node, g.kind, err)
	}
	g.stop(err)
}

// Checked turns a function that may fail or panic into a function for a go-streams operator. The operator calls
// it on a goroutine of its own, where a panic would end the process. If f returns an error or panics, the stage
// fails, and the framework drops the operator's output for that element.
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

// Chain joins flows into one flow with the input of the first and the output of the last. (Via of go-streams
// returns the last flow, whose In is not that of the first.)
func Chain(first streams.Flow, more ...streams.Flow) streams.Flow {
	c := chain{Flow: first, first: first}
	for _, f := range more {
		c.Flow = c.Flow.Via(f)
	}
	return c
}

// chain is the result of Chain: it has the In of the first flow, and the other methods of the last flow.
type chain struct {
	streams.Flow
	first streams.Inlet
}

func (c chain) In() chan<- any { return c.first.In() }

// open makes a Graph and calls create with it. It returns the Graph and the source, flow or sink that create made;
// kind names which of the three, for errors. The caller must run on a goroutine of the framework, which catches a
// panic of create.
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

// graphPatience is the time within which the goroutines of a go-streams graph must end after the graph's stage.
const graphPatience = 5 * time.Second

// drain discards the elements from c, the output channel of a graph that must end, until the graph closes c. If that
// takes longer than graphPatience, drain returns an error; wants is its remedy.
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

// leftBehind logs and returns the error that a graph does not end and its goroutines are left behind. wants is the
// remedy in the error. The log has the error because the run may end with another one.
func (g *Graph) leftBehind(wants string) error {
	err := fmt.Errorf("the %s has not ended %s after it was told to, and is left behind with its goroutines: %s", g.kind, graphPatience, wants)
	g.set.Log.Warn("a go-streams graph does not end", "error", err)
	return err
}

// leave returns the value that a graph gets for an element: a copy if the element has the method Unpooled, else
// the element itself. It takes over the element's reference. It returns an error for an element with counted
// memory that cannot be copied.
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

// send sends a copy of the element el to the channel to, the input of the graph. It takes over the reference of el.
// It returns the cause if the graph's stage fails or ctx ends before the graph has received the copy.
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

// enter returns a value that a graph emitted as an element of type T. It returns an error for a value of another
// type, and for a value whose method Check returns an error.
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

// outlet receives the output of a flow, from which the framework reads it. It is itself a streams.Flow, so that the
// flow's Via can join it: some operators, such as flow.Throttler, pass elements on only in Via.
//
// Invariant: once an outlet is abandoned, its In never blocks a sender, so the flow's goroutines can end.
type outlet struct {
	c    chan any // capacity 1, for a sender that got the channel before the outlet was abandoned
	left atomic.Bool
}

func newOutlet() *outlet { return &outlet{c: make(chan any, 1)} }

// In returns the channel for the next element that the flow sends; go-streams calls In for each element. Once the
// outlet is abandoned, In returns a new channel with room for that element, which is never read.
func (o *outlet) In() chan<- any {
	if o.left.Load() {
		return make(chan any, 1)
	}
	return o.c
}

// Out, Via and To complete the interface streams.Flow. Nothing is joined to an outlet: the framework reads its
// channel.
func (o *outlet) Out() <-chan any                 { return o.c }
func (o *outlet) Via(f streams.Flow) streams.Flow { return f }
func (o *outlet) To(streams.Sink)                 {}

// leave abandons the output of a flow that has not ended in time. From then on each element that the flow sends is
// lost, and no sender is blocked.
func (o *outlet) leave() {
	o.left.Store(true)
	select {
	case <-o.c:
	default:
	}
}
