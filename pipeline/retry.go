package pipeline

import (
	"context"
	"errors"
	"time"
)

// Retry repeats an attempt until one is the last: at once after an attempt without an error, after
// a wait when it failed.
type Retry struct {
	Clock   Clock
	Backoff Backoff
	// Early ends a wait when it is closed or delivers: the next attempt follows at once. It may be
	// nil.
	Early <-chan struct{}
	// Worked reports whether the failed attempt had worked before it failed, so that the shortest
	// wait follows. Nil: it had if it lasted longer than a minute.
	Worked func() bool
	// Failed is called with each failure that a wait follows.
	Failed func(err error, wait time.Duration)
}

// Run repeats attempt until it returns last, and returns true, or until the context ends, and
// returns false. It does not call Failed for an attempt that the end of the context cut short.
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

// wait returns the wait after an attempt that lasted so long.
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

// laterError is an error with a least wait.
type laterError struct {
	error
	wait time.Duration
}

func (e laterError) Unwrap() error { return e.error }

// TryLater returns an error of an attempt after which Retry waits at least so long, for an
// operation that must not be repeated often.
func TryLater(err error, wait time.Duration) error { return laterError{err, wait} }
