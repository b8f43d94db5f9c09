package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reugn/go-streams"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/guard"
)

// Run is one life of a pipeline for one stream, from its start to its drain, failure or abort.
type Run struct {
	pipeline, stream string
	log              *slog.Logger
	clock            Clock
	nodes            []*node
	files, rows      bool // a stage makes files; a stage writes their rows

	ctx       context.Context // ends when the run is aborted, and when it has ended
	abort     context.CancelCauseFunc
	sourceCtx context.Context // ends also when the run is drained
	drain     context.CancelCauseFunc
	reason    atomic.Pointer[string]
	ending    chan struct{}         // closed when reason is set
	failure   atomic.Pointer[error] // the first error that a stage returned
	misjoined error                 // error that Via or To found while wiring

	wg      sync.WaitGroup
	started atomic.Bool
	done    chan struct{}
	err     error // result of the run; set before done is closed
}

var errDrain = errors.New("drain")

func newRun(pipeline, stream string, log *slog.Logger, clock Clock) *Run {
	r := &Run{pipeline: pipeline, stream: stream, log: log, clock: clock, ending: make(chan struct{}), done: make(chan struct{})}
	r.ctx, r.abort = context.WithCancelCause(context.Background())
	return r
}

func (r *Run) add(name string, kind Kind, b built) {
	n := &node{
		run: r, name: name, kind: kind, place: len(r.nodes), built: b,
		in: make(chan any), done: make(chan struct{}),
	}
	n.ctx, n.cancel = context.WithCancelCause(r.ctx)
	n.flushCtx = withNode(n.ctx, n)
	if n.place == 0 {
		r.sourceCtx, r.drain = context.WithCancelCause(n.ctx)
	}
	r.nodes = append(r.nodes, n)
}

// Start wires the stages, opens them from the sink to the source, and starts the source. ctx bounds only the
// opening. The run then ends by Drain, by Abort, or by itself. If Start returns an error, nothing runs and each
// opened stage has been closed. It may be called only once.
func (r *Run) Start(ctx context.Context) error {
	if r.started.Swap(true) {
		return errors.New("a run is started once: build another")
	}
	r.wire()
	if r.misjoined != nil {
		r.end(r.misjoined, nil)
		return r.misjoined
	}
	for i := len(r.nodes) - 1; i >= 0; i-- {
		n := r.nodes[i]
		o, ok := n.object.(Opener)
		if !ok {
			continue
		}
		if err := n.do("open", func() error { return o.Open(withNode(ctx, n)) }); err != nil {
			err = r.stageError(n.name, "open", err)
			r.end(err, r.nodes[i+1:])
			return err
		}
	}
	for i := len(r.nodes) - 1; i >= 0; i-- {
		r.nodes[i].start()
	}
	go func() {
		r.wg.Wait()
		r.end(nil, r.nodes)
	}()
	return nil
}

// wire joins the run's nodes from the source to the sink with Via and To, the methods with which a go-streams graph
// is joined.
func (r *Run) wire() {
	last := len(r.nodes) - 1
	var flow streams.Flow = r.nodes[0]
	for _, n := range r.nodes[1:last] {
		flow = flow.Via(n)
	}
	flow.To(r.nodes[last])
}

func (r *Run) spawn(f func()) {
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		f()
	}()
}

// end closes the opened stages, from the source to the sink, sets the run's result and closes done. The result is
// err. If err is nil, the result is the first error of a stage, also of its Close, or the cause of an abort, or nil
// after a drain.
func (r *Run) end(err error, opened []*node) {
	if failed := r.failure.Load(); failed != nil && err == nil {
		err = *failed
	}
	if err == nil {
		err = context.Cause(r.ctx)
	}
	for _, n := range opened {
		c, ok := n.object.(Closer)
		if !ok {
			continue
		}
		if cerr := n.do("close", c.Close); cerr != nil && err == nil {
			err = r.stageError(n.name, "close", cerr)
		}
	}
	r.err = err
	r.abort(nil)
	close(r.done)
}

// Drain stops the source. The elements that it emitted flow on, each stage flushes, and then Done closes. The
// reason of the first call is the run's reason.
func (r *Run) Drain(reason string) {
	r.setReason(reason)
	r.drain(errDrain)
}

// Abort ends the run at once. Elements on their way are released, no stage flushes, and open files are left to
// recovery. cause becomes the result of Err, unless a stage has failed before.
func (r *Run) Abort(cause error) { r.abort(cause) }

// Done returns a channel that closes when each stage has ended and is closed.
func (r *Run) Done() <-chan struct{} { return r.done }

// Err returns nil after a drain, and else the run's first error. Its result is valid only after Done has
// closed.
func (r *Run) Err() error { return r.err }

// Reason returns the reason for which the run ends or has ended, and "" before that.
func (r *Run) Reason() string {
	if p := r.reason.Load(); p != nil {
		return *p
	}
	return ""
}

// Stop drains the run and returns its result, as Err does. If the run has not ended after three quarters of limit,
// Stop aborts it. If it has not ended after limit either, Stop returns without waiting further: its goroutines may
// still run, and the error wraps ErrDeadline and names the stages that were busy when the abort began.
func (r *Run) Stop(reason string, limit time.Duration) error {
	r.Drain(reason)
	if r.waitDone(limit * 3 / 4) {
		return r.err
	}
	busy := r.Busy()
	r.log.Error("run did not drain in time: aborting", "busy", busy, "waited", limit*3/4)
	return r.abortWithin(ErrDeadline, limit/4, busy)
}

// AbortWithin aborts the run, waits for its end and returns its result, as Err does. If the run has not ended after
// limit, AbortWithin returns without waiting further: its goroutines may still run, and the error wraps ErrDeadline
// and names the stages that were busy when the abort began.
func (r *Run) AbortWithin(cause error, limit time.Duration) error {
	return r.abortWithin(cause, limit, r.Busy())
}

func (r *Run) abortWithin(cause error, limit time.Duration, busy []string) error {
	r.Abort(cause)
	if r.waitDone(limit) {
		return r.err
	}
	return errors.Join(ErrDeadline, &busyError{Names: busy})
}

func (r *Run) waitDone(limit time.Duration) bool {
	c, stop := r.clock.After(limit)
	defer stop()
	select {
	case <-r.done:
		return true
	case <-c:
		return false
	}
}

// Busy returns each stage that the framework is calling at present, with the operation, such as "mp4 (consume)". A
// source is busy while its Run is in progress.
func (r *Run) Busy() []string {
	var busy []string
	for _, s := range r.Status() {
		if s.Busy > 0 {
			busy = append(busy, s.Stage+" ("+s.Op+")")
		}
	}
	return busy
}

// Status returns the state of each stage, the source first. The stages of branches follow the stage that feeds
// them.
func (r *Run) Status() []StageStatus {
	now := r.clock.Now()
	out := make([]StageStatus, 0, len(r.nodes))
	for _, n := range r.nodes {
		out = append(out, n.status(now))
		if b, ok := n.object.(Branching); ok {
			out = append(out, b.Status()...)
		}
	}
	return out
}

// Report returns the report of the run. Each of its stages that is a Reporter has set its own fields.
func (r *Run) Report() Report {
	var rep Report
	for _, n := range r.nodes {
		if s, ok := n.object.(Reporter); ok {
			s.Report(&rep)
		}
	}
	return rep
}

func (r *Run) setReason(reason string) {
	if r.reason.CompareAndSwap(nil, &reason) {
		close(r.ending)
	}
}

func (r *Run) reasonNow() string {
	if s := r.Reason(); s != "" {
		return s
	}
	return endcause.Stop
}

// fail ends the run with an error that the operation op of the stage at returned. It aborts this stage and all
// earlier ones; the later stages drain. Only the first error becomes the run's error, and the log has the others.
// fail ignores an error of a stage that is aborted already, because the abort caused it.
func (r *Run) fail(at *node, op string, err error) {
	// The error is a consequence of a later stage's failure, or of an abort.
	if at.ctx.Err() != nil {
		return
	}
	err = r.stageError(at.name, op, err)
	if !r.failure.CompareAndSwap(nil, &err) {
		r.log.Error("another stage failed while the run was ending", "stage", at.name, "op", op, "error", err)
	}
	r.setReason(endcause.Error)
	for _, n := range r.nodes[:at.place+1] {
		n.cancel(err)
	}
}

func (r *Run) stageError(stage, op string, err error) error {
	var se *StageError
	if errors.As(err, &se) {
		return err
	}
	var p *guard.PanicError
	if errors.As(err, &p) {
		r.log.Error("stage panicked", "stage", stage, "op", op, "panic", p.Value, "stack", string(p.Stack))
	}
	return &StageError{Pipeline: r.pipeline, Stream: r.stream, Stage: stage, Op: op, Err: err}
}
