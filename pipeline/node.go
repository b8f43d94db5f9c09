package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reugn/go-streams"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/guard"
)

// node is one stage of a run as a go-streams Source, Flow or Sink.
//
// The interfaces of go-streams have no errors and no contexts; the node adds both. If a stage fails, the
// contexts of its node and of all earlier nodes end. These nodes then release what they read until their
// upstream closes. The later nodes are drained: they consume the elements that the failed stage emitted, and
// flush.
type node struct {
	run   *Run
	name  string
	kind  Kind
	place int // index in Run.nodes; the source has 0
	built

	// ctx ends when the run is aborted, or when this stage or a later one fails.
	ctx      context.Context
	cancel   context.CancelCauseFunc
	flushCtx context.Context // ctx with the node as a value, for EndReason

	// in is unbuffered. The upstream node closes it.
	in    chan any
	next  chan any       // in of the next node; set by Via and To when the run is wired
	sides sync.WaitGroup // goroutines started by beside
	done  chan struct{}

	// The following fields are read by Status.
	taken, given atomic.Uint64
	busySince    atomic.Int64 // ns from the start of the process to the begin of the current call; 0 while idle
	op           atomic.Pointer[string]
}

var (
	_ streams.Source = (*node)(nil)
	_ streams.Flow   = (*node)(nil)
	_ streams.Sink   = (*node)(nil)
)

// In returns the channel to which the upstream node sends. The upstream node closes it.
func (n *node) In() chan<- any { return n.in }

// Out returns the channel of the node's output. It is the In of the next node, so passing an element on costs
// one channel operation and no goroutine.
func (n *node) Out() <-chan any { return n.next }

// Via joins the node to the next node f. Start fails if f is not a node of this run.
func (n *node) Via(f streams.Flow) streams.Flow {
	n.join(f, "a streams.Flow becomes a stage by pipeline.FromFlow")
	return f
}

// To joins the node to the sink s. It returns at once, unlike To of go-streams, which waits for the sink.
func (n *node) To(s streams.Sink) { n.join(s, "a streams.Sink becomes a stage by pipeline.FromSink") }

func (n *node) join(behind any, remedy string) {
	if b, ok := behind.(*node); ok && b != nil && b.run == n.run {
		n.next = b.in
		return
	}
	n.run.misjoined = n.run.stageError(n.name, "join", fmt.Errorf("%T behind it is no stage of this run: %s", behind, remedy))
}

// AwaitCompletion waits until the node has handled its last element and flushed.
func (n *node) AwaitCompletion() { <-n.done }

// start starts the goroutines of the node and returns: two for a Buffer, one that puts elements into it and one that
// takes them out, and one for a stage of any other kind.
func (n *node) start() {
	switch n.kind {
	case KindSource:
		n.run.spawn(func() { n.runSource(); close(n.next); close(n.done) })
	case KindTransform:
		n.run.spawn(func() { n.runTransform(); n.sides.Wait(); close(n.next); close(n.done) })
	case KindBuffer:
		n.run.spawn(n.runPut)
		n.run.spawn(func() { n.runTake(); close(n.next); close(n.done) })
	case KindSink:
		n.run.spawn(func() { n.runSink(); close(n.done) })
	}
}

func (n *node) runSource() {
	r := n.run
	err := n.do("run", func() error { return n.source(r.sourceCtx, n.emit) })
	if n.ctx.Err() != nil {
		return
	}
	var end *EndError
	switch {
	case errors.As(err, &end):
		r.setReason(end.Reason)
	case err == nil, r.sourceCtx.Err() != nil && isContext(err):
		r.setReason(endcause.SourceLost) // this reason applies only if Drain has not set one
	default:
		r.fail(n, "run", err)
	}
}

func (n *node) runTransform() {
	process, flush := n.transform(n.emit)
	for el := range n.in {
		n.handle("process", el, process)
	}
	n.finish(flush)
}

func (n *node) runSink() {
	for el := range n.in {
		n.handle("consume", el, n.consume)
	}
	n.finish(n.flush)
}

func (n *node) runPut() {
	for el := range n.in {
		n.handle("put", el, func(_ context.Context, el any) error { n.put(el); return nil })
	}
	if n.ctx.Err() != nil {
		return
	}
	if err := n.do("end", func() error { n.end(n.run.reasonNow()); return nil }); err != nil {
		n.run.fail(n, "end", err)
	}
}

func (n *node) runTake() {
	for {
		var el any
		// Not through do: Take may wait for long, and a waiting stage is not busy.
		err := guard.Call(func() (err error) { el, err = n.take(n.ctx); return err })
		switch {
		case err == nil:
			if n.emit(el) != nil {
				return
			}
		case errors.Is(err, io.EOF), n.ctx.Err() != nil:
			return
		default:
			n.run.fail(n, "take", err)
			return
		}
	}
}

// handle passes the element el to the stage by calling f, the stage's operation with the name op. An error of f
// fails the run. If the node is aborted, handle releases the element instead.
func (n *node) handle(op string, el any, f func(context.Context, any) error) {
	if n.ctx.Err() != nil {
		release(el)
		return
	}
	n.taken.Add(1)
	if err := n.do(op, func() error { return f(n.flushCtx, el) }); err != nil {
		n.run.fail(n, op, err)
	}
}

func (n *node) finish(flush func(context.Context) error) {
	if n.ctx.Err() != nil {
		return
	}
	if err := n.do("flush", func() error { return flush(n.flushCtx) }); err != nil {
		n.run.fail(n, "flush", err)
	}
}

// beside starts f on a goroutine of its own, for a stage that also emits while none of its methods is called. f must
// catch its own panics, and must return before the node closes the channel of the next node: at the latest when the
// node's context ends.
func (n *node) beside(f func()) {
	n.sides.Add(1)
	n.run.spawn(func() {
		defer n.sides.Done()
		f()
	})
}

// do calls f, the operation of the stage with the name op, and returns its error, or a panic of f as an error.
// Meanwhile Status reports the operation and its duration.
func (n *node) do(op string, f func() error) error {
	n.op.Store(&op)
	n.busySince.Store(int64(n.run.clock.Now().Sub(began)))
	defer n.busySince.Store(0)
	return guard.Call(f)
}

// emit sends an element to the next node. After an abort it releases the element and returns the cause.
func (n *node) emit(el any) error {
	select {
	case n.next <- el:
		n.given.Add(1)
		return nil
	case <-n.ctx.Done():
		release(el)
		return context.Cause(n.ctx)
	}
}

func release(el any) {
	if r, ok := el.(Releaser); ok {
		r.Release()
	}
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errDrain)
}

// StageStatus is the state of one stage of a run at one moment.
type StageStatus struct {
	Stage        string
	Kind         Kind
	Taken, Given uint64        // elements that the stage took, and elements that it emitted
	Busy         time.Duration // duration of the current call; 0 while the stage is idle
	Op           string        // name of the current call
}

func (n *node) status(now time.Time) StageStatus {
	s := StageStatus{Stage: n.name, Kind: n.kind, Taken: n.taken.Load(), Given: n.given.Load()}
	if since := n.busySince.Load(); since != 0 {
		s.Busy, s.Op = now.Sub(began)-time.Duration(since), *n.op.Load()
	}
	return s
}
