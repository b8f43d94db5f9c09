package pipeline

import "time"

// Clock is the time source of stages and supervision. Tests replace it.
type Clock interface {
	// Now returns a wall clock and a monotonic reading, like time.Now. A step of the wall clock
	// changes only the former.
	Now() time.Time
	// After delivers once when d has passed on the monotonic clock; stop ends the wait early.
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

// Stepped returns by how much the wall clock had been set between the start of the process and t, a
// time of a Clock: the difference of its two readings, to the millisecond, because they are not
// read at the same instant. It returns 0 for a time without monotonic reading. Within a process
//
//	wall clock = monotonic time + Stepped
//
// so the time between two readings of the wall clock is their difference less the difference of
// Stepped.
func Stepped(t time.Time) time.Duration {
	return (t.Round(0).Sub(began.Round(0)) - t.Sub(began)).Round(time.Millisecond)
}
