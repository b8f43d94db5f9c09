package pipeline

import "time"

// Clock is time as stages and supervision see it, so that a test can turn it.
type Clock interface {
	// Now has a wall clock and a monotonic reading, as time.Now.
	Now() time.Time
	// After delivers once when d has passed on the monotonic clock; stop ends
	// the wait early.
	After(d time.Duration) (c <-chan time.Time, stop func())
}

// SystemClock is the machine's clock.
var SystemClock Clock = systemClock{}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}
