package pipeline

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline/guard"
)

// Branch runs a list of stages that another stage, the feeder, feeds (see Tail). It is a run of its own, and does
// not slow the feeder. If it fails, it is built and run again after a wait: that is the next attempt. The feeder and
// the other branches continue meanwhile.
//
// To drain a branch, call Start, End and Wait. Call Close in any case.
type Branch struct {
	plan   *Plan
	env    Env
	stream string
	log    *slog.Logger
	first  *Run // run of the first attempt, built by NewBranch

	ctx     context.Context // ends when the branch is aborted
	abort   context.CancelCauseFunc
	started atomic.Bool
	endOnce sync.Once
	ending  chan struct{} // closed by End
	reason  string        // set before ending is closed
	done    chan struct{}
	err     error // set before done is closed

	mu    sync.Mutex // guards the following fields
	run   *Run       // current run; nil between two attempts
	last  Report     // final report of the previous run
	why   error      // error of the last failed run
	since time.Time  // when the present series of failures began
}

// NewBranch builds a branch for the stage with the settings set. It starts no goroutine and acquires nothing.
//
// take waits for the next element and returns it with its one reference. After the feeder has called End, take
// returns the remaining elements and then io.EOF.
func NewBranch[T any](tail *Tail[T], set Settings, name string, take func(context.Context) (T, error)) (*Branch, error) {
	b := &Branch{
		stream: set.Stream, log: set.Log.With("branch", name),
		ending: make(chan struct{}), done: make(chan struct{}),
		env: Env{Services: set.services, Log: set.base.With("branch", name), Clock: set.Clock, Mode: set.Mode},
	}
	b.ctx, b.abort = context.WithCancelCause(context.Background())
	head := tail.plan.stages[0]
	source := func(ctx context.Context, emit emitAny) error {
		for {
			el, err := take(ctx)
			if errors.Is(err, io.EOF) {
				return End(b.reason)
			}
			if err == nil {
				err = emit(el)
			}
			if err != nil {
				return err
			}
		}
	}
	b.plan = &Plan{Name: set.Pipeline, stages: slices.Clone(tail.plan.stages)}
	b.plan.stages[0] = declared{stage: feed(head.Name, head.Out, source)}
	var err error
	b.first, err = b.plan.Build(b.env, b.stream, set.After)
	return b, err
}

// Start runs the branch. A branch whose stages cannot be opened is tried again, like a branch that fails later.
func (b *Branch) Start() {
	b.started.Store(true)
	go b.loop()
}

// End announces that take will return io.EOF after the elements that it still has. reason is the reason for which
// the run of the branch ends. If the branch waits for its next attempt, that attempt begins at once and is the
// last. Only the first call has an effect.
func (b *Branch) End(reason string) {
	b.endOnce.Do(func() {
		b.reason = reason
		close(b.ending)
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.run != nil {
			b.run.setReason(reason)
		}
	})
}

// Wait waits until the branch has ended after End, or until ctx ends. It returns nil only if the branch has
// drained, else the error of the last attempt or the cause of ctx.
func (b *Branch) Wait(ctx context.Context) error {
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close aborts the branch if it has not drained, and returns when its stages have ended.
func (b *Branch) Close() {
	b.abort(ErrAborted)
	if b.started.Load() {
		<-b.done
	}
}

// loop runs the branch, attempt after attempt, until it has drained or is aborted, or until the last attempt after
// End has failed.
func (b *Branch) loop() {
	defer close(b.done)
	b.err = ErrAborted // holds if the branch is aborted before the first attempt
	var after *Ended
	retry := Retry{Clock: b.env.Clock, Early: b.ending, Failed: b.failed}
	retry.Run(b.ctx, func() (last bool, err error) {
		final := after != nil && b.isEnding() // the first attempt is not final: it may begin after End
		err = b.attempt(after)
		after = Ended{Err: err, At: b.env.Clock.Now(), Written: b.Report().LastWritten}.Behind(after)
		b.err = err
		return err == nil || final, err
	})
}

// attempt runs the branch once, until the end of its run, and returns the run's error. after describes the end of
// the previous attempt's run; it is nil for the first attempt.
func (b *Branch) attempt(after *Ended) (err error) {
	run := b.first
	if b.first = nil; run == nil {
		err = guard.Call(func() (err error) { run, err = b.plan.Build(b.env, b.stream, after); return err })
	}
	if err == nil {
		err = run.Start(b.ctx)
	}
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.run = run
	b.mu.Unlock()
	if b.isEnding() {
		run.setReason(b.reason)
	}
	select {
	case <-run.Done():
	case <-b.ctx.Done():
		run.Abort(context.Cause(b.ctx))
		<-run.Done()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.run, b.last = nil, run.Report()
	return run.Err()
}

func (b *Branch) isEnding() bool {
	select {
	case <-b.ending:
		return true
	default:
		return false
	}
}

// failed records the error of an attempt for Report, and the time at which the present series of failures began.
// wait is the wait before the next attempt, for the log.
func (b *Branch) failed(err error, wait time.Duration) {
	b.mu.Lock()
	if b.why = err; b.since.IsZero() || b.last.AccessUnits > 0 {
		b.since = b.env.Clock.Now()
	}
	b.mu.Unlock()
	b.log.Error("branch failed", "error", err, "again_in", wait.Round(time.Millisecond))
}

// Report returns the report of the current run, else that of the previous run. If no stage has set LastError,
// Report sets it to the error of the last failed attempt. Between two attempts, Problems contains that error.
func (b *Branch) Report() Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.last
	if b.run != nil {
		r = b.run.Report()
	}
	if b.run == nil && b.why != nil && !b.isEnding() {
		r.Problems = append(slices.Clone(r.Problems), Problem{
			Problem: "recording_failed", Since: b.since, Cause: b.why.Error(),
			Remedy: "it is tried again by itself: see what the cause says", Failing: true,
		})
	}
	if r.LastError == "" && b.why != nil {
		r.LastError = b.why.Error()
	}
	return r
}

// Status returns the state of the stages of the branch's current run, without the feeder. It returns nil while the
// branch waits between two attempts.
func (b *Branch) Status() []StageStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.run == nil {
		return nil
	}
	return b.run.Status()[1:]
}

// Trigger passes a trigger to the first stage of the branch that accepts triggers. It returns ErrNoEvents if
// Run.Trigger does, and while the branch waits between two attempts (see Branch).
func (b *Branch) Trigger(t Trigger) (Triggered, error) {
	b.mu.Lock()
	run := b.run
	b.mu.Unlock()
	if run == nil {
		return Triggered{}, ErrNoEvents
	}
	return run.Trigger(t)
}
