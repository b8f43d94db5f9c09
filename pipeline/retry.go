package pipeline

import (
	"context"
	"errors"
	"time"
)

// Retry makes attempts at something until one is the last: at once after an attempt
// without an error, after a wait when it failed.
type Retry struct {
	Clock   Clock
	Backoff Backoff
	// Early ends a wait when it is closed or gives something: the next attempt follows at
	// once. It may be nil.
	Early <-chan struct{}
	// Worked reports whether the attempt that has failed had worked before that, so that
	// the shortest wait follows. Nil: it has where it lasted for more than a minute.
	Worked func() bool
	// Failed is told of each failure behind which a wait begins.
	Failed func(err error, wait time.Duration)
}

// Run makes attempts until one returns last, or the context ends: then it returns false,
// and has told nobody of the attempt that the end of the context cut short.
func (r *Retry) Run(ctx context.Context, attempt func() (last bool, err error)) bool {
	for ctx.Err() == nil {
		began := r.Clock.Now()
		last, err := attempt()
		switch {
		case last:
			return true
		case err == nil:
			r.Backoff.Reset()
		case ctx.Err() == nil:
			wait := r.wait(err, r.Clock.Now().Sub(began))
			r.Failed(err, wait)
			Sleep(ctx, r.Clock, wait, r.Early)
		}
	}
	return false
}

// wait returns how long to wait after an attempt that lasted so long.
func (r *Retry) wait(err error, lasted time.Duration) (wait time.Duration) {
	if r.Worked == nil {
		wait = r.Backoff.Failed(lasted)
	} else {
		if r.Worked() {
			r.Backoff.Reset()
		}
		wait = r.Backoff.Next()
	}
	if later := (laterError{}); errors.As(err, &later) {
		wait = max(wait, later.wait)
	}
	return wait
}

// laterError is an error behind which the wait is longer than its backoff.
type laterError struct {
	error
	wait time.Duration
}

func (e laterError) Unwrap() error { return e.error }

// TryLater returns an error of an attempt after which Retry waits for at least so long:
// what must not be asked often.
func TryLater(err error, wait time.Duration) error { return laterError{err, wait} }
