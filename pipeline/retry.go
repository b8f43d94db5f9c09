package pipeline

import (
	"context"
	"errors"
	"time"
)

// Retry repeats an attempt until the attempt returns last as true: see Run. After an attempt without an error the
// next one follows at once; after an error it follows after a wait.
type Retry struct {
	Clock   Clock
	Backoff Backoff // computes the waits
	// Early ends a wait when it is closed or delivers, so that the next attempt follows at once. It may be nil.
	Early <-chan struct{}
	// Worked reports whether the failed attempt had worked for a time before it failed. If so, the wait is the
	// shortest again. If Worked is nil, an attempt that lasted longer than a minute counts as one that had worked.
	Worked func() bool
	// Failed is called with each error, and the wait that follows it.
	Failed func(err error, wait time.Duration)
}

// Run repeats attempt. It returns true after an attempt that returned last as true, and false when ctx has ended.
// It does not call Failed for an attempt that fails after ctx ended, or that returned last.
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

// wait returns the wait after an attempt that failed with err after the duration lasted. If err comes from TryLater,
// the wait is at least the one given there.
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

// laterError is the error that TryLater returns: wait is the shortest wait before the next attempt.
type laterError struct {
	error
	wait time.Duration
}

func (e laterError) Unwrap() error { return e.error }

// TryLater wraps err so that Retry waits at least for the duration wait before the next attempt. An attempt
// returns it if its operation must not be repeated often.
func TryLater(err error, wait time.Duration) error { return laterError{err, wait} }
