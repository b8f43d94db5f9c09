package pipeline

import "time"

// Clock is time as stages and supervision see it, so that a test can turn it.
type Clock interface {
	// Now has a wall clock and a monotonic reading, as time.Now. When the wall
	// clock is set, only the first of them jumps.
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

// began is the moment from which steps of the wall clock are counted.
var began = time.Now()

// Stepped is by how much the wall clock had been set since the process began, at
// a moment that a Clock gave: what its two readings say differently, to the
// millisecond, since the two are not read at once. It is 0 for a moment without a
// monotonic reading. Within a run of the process
//
//	wall clock = steady time + Stepped
//
// so that two times of the wall clock are as far apart as they differ, less what
// Stepped grew by in between.
func Stepped(t time.Time) time.Duration {
	return (t.Round(0).Sub(began.Round(0)) - t.Sub(began)).Round(time.Millisecond)
}
