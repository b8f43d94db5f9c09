package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline/guard"
)

// Tasks owns the goroutines of a process that are not stages: servers, pull clients, the task that applies the
// journal. It logs the error or the panic of a task. A panic ends only its own task.
type Tasks struct {
	log    *slog.Logger
	clock  Clock
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup

	mu     sync.Mutex     // guards the following fields
	names  map[string]int // number of running tasks by name
	closed bool
}

// NewTasks returns Tasks without a task. log gets their failures, and clock times the waits of Keep.
func NewTasks(log *slog.Logger, clock Clock) *Tasks {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &Tasks{log: log, clock: clock, ctx: ctx, cancel: cancel, names: map[string]int{}}
}

// ErrStopped is the cause of a task's context after Stop.
var ErrStopped = errors.New("stopped")

// Go runs a function on a new goroutine, with a context that ends on Stop. The function must return when its
// context ends. stop ends the context and waits for the function; it may be called repeatedly, but not by the
// function itself. After Stop, Go does nothing.
func (t *Tasks) Go(name string, run func(context.Context) error) (stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return func() {}
	}
	t.wg.Add(1)
	t.names[name]++
	ctx, cancel := context.WithCancelCause(t.ctx)
	done := make(chan struct{})
	go func() {
		defer t.wg.Done()
		defer close(done)
		defer cancel(nil)
		err := guard.Call(func() error { return run(ctx) })
		t.mu.Lock()
		if t.names[name]--; t.names[name] == 0 {
			delete(t.names, name)
		}
		t.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			t.logError(name, err)
		}
	}()
	return func() { cancel(ErrStopped); <-done }
}

// Keep runs a function on a new goroutine, again and again until its context ends: at once after it returned
// nil, and after a backoff when it failed. It logs each failure. stop ends the context and waits for the
// function; it may be called repeatedly, but not by the function itself.
func (t *Tasks) Keep(name string, backoff Backoff, run func(context.Context) error) (stop func()) {
	return t.Go(name, func(ctx context.Context) error {
		retry := Retry{Clock: t.clock, Backoff: backoff, Failed: func(err error, _ time.Duration) { t.logError(name, err) }}
		retry.Run(ctx, func() (last bool, err error) {
			return false, guard.Call(func() error { return run(ctx) })
		})
		return nil
	})
}

func (t *Tasks) logError(name string, err error) {
	attrs := []any{"task", name, "error", err}
	if p := (*guard.PanicError)(nil); errors.As(err, &p) {
		attrs = append(attrs, "stack", string(p.Stack))
	}
	t.log.Error("task failed", attrs...)
}

// Stop ends the contexts of all tasks and waits for the tasks. If ctx ends first, the error names the tasks
// that still run.
func (t *Tasks) Stop(ctx context.Context) error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel(ErrStopped)
	done := make(chan struct{})
	go func() { t.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		still := make([]string, 0, len(t.names))
		for name := range t.names {
			still = append(still, name)
		}
		return &busyError{Names: still}
	}
}

// busyError is the error that stages or tasks still run at the end of a time limit. Names are their names.
type busyError struct{ Names []string }

// Error lists the names.
func (e *busyError) Error() string {
	s := "still running:"
	for _, n := range e.Names {
		s += " " + n
	}
	return s
}
