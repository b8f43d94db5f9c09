package pipeline

import "time"

// Clock is the time source of stages and supervision. Tests replace it.
type Clock interface {
	// Now returns a time with a wall clock reading and a monotonic reading, like time.Now. If the wall clock is
	// set, the wall clock reading steps and the monotonic reading does not.
	Now() time.Time
	// After returns a channel that delivers once when d has passed on the monotonic clock. stop cancels the
	// delivery.
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

// began is the start of the process. Stepped counts the steps of the wall clock from then on.
var began = time.Now()

// Stepped returns the sum of the steps by which the wall clock was set between the start of the process and t,
// a time from a Clock. It compares the wall clock and the monotonic reading of t, and rounds to the
// millisecond, because the two are not read at the same instant. It returns 0 for a time without a monotonic
// reading. Within a process
//
//	wall clock = monotonic time + Stepped
//
// so the elapsed time between two moments is the difference of their wall clocks less the difference of their
// Stepped.
func Stepped(t time.Time) time.Duration {
	return (t.Round(0).Sub(began.Round(0)) - t.Sub(began)).Round(time.Millisecond)
}
