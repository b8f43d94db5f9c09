package stages

import "time"

// nextAligned returns the first moment after t at which the wall clock of a time zone
// shows a multiple of every since midnight; every divides a day. Where the clock
// changes, an hour that is shown twice has its multiples twice.
func nextAligned(t time.Time, every time.Duration, loc *time.Location) time.Time {
	t = t.In(loc)
	next := t.Add(every - sinceMultiple(t, every))
	_, change := t.ZoneBounds()
	if change.IsZero() || next.Before(change) {
		return next
	}
	if rest := sinceMultiple(change, every); rest > 0 { // the figures go on from others
		return change.Add(every - rest)
	}
	return change
}

// sinceMultiple returns how long ago the wall clock showed a multiple.
func sinceMultiple(t time.Time, every time.Duration) time.Duration {
	_, offset := t.Zone()
	figures := t.UTC().Add(time.Duration(offset) * time.Second) // of the wall clock, as if they were UTC
	return figures.Sub(figures.Truncate(every))                 // from the year 1 on, which began at midnight
}
