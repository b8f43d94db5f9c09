package ingest

import "github.com/gospool/spool/pipeline/media"

// retime makes a track's times follow arrival (wall_clock: arrival), by a piecewise linear function from the sender's
// times to the feed's. Each second it sets the slope so that the least delayed unit keeps its distance from arrival.
// The function never decreases, so ordered times stay ordered. A sender's clock that is set makes no break.
type retime struct {
	second int64 // ticks
	on     bool
	now    piecewise // from the highest time so far on
	before piecewise // for pictures that are presented earlier
	high   int64     // the highest sent time

	base   int64 // ticks, arrival less the feed's time, of the least delayed unit at the beginning
	best   int64 // the same, of the current window
	bestIn int64 // the time of that unit as it was sent, ticks
	bestAt int64 // and its arrival, ticks
	until  int64 // ticks of arrival at which the window ends
	lastIn int64
	lastAt int64

	ends [retimeWindows]sentAt // of windows, a ring
	n    int
}

type sentAt struct{ in, at int64 }

// piecewise is a linear function: out + (time - in) * slope.
type piecewise struct {
	in, out int64
	slope   float64
}

const (
	retimeWindows = 8
	retimeSlack   = 10   // of a second: a smaller distance from arrival is not corrected
	retimeOff     = 0.03 // a smaller deviation of the rate can't be separated from jitter in so few windows
)

func (p piecewise) at(t int64) int64 { return p.out + int64(float64(t-p.in)*p.slope) }

// time returns the corrected time of a unit that arrived at mono, ns. rate is the measured rate of the clock, or 0.
func (r *retime) time(t, mono int64, rate float64) int64 {
	at := media.FromNanos(mono, uint32(r.second))
	if !r.on {
		r.on = true
		r.now = piecewise{t, t, 1}
		r.before, r.high = r.now, t
		r.base, r.best, r.bestIn, r.bestAt, r.until = at-t, at-t, t, at, at+2*r.second
	} else if step, passed := t-r.lastIn, max(at-r.lastAt, 0); step < -2*r.second || step > 2*r.second+128*passed {
		r.set(t, passed)
	}
	r.lastIn, r.lastAt = t, at
	if at >= r.until {
		r.turn(at, rate)
	}
	r.high = max(r.high, t)
	out := r.place(t)
	if late := at - out; late < r.best {
		r.best, r.bestIn, r.bestAt = late, t, at
	}
	return out
}

func (r *retime) place(t int64) int64 {
	if t >= r.now.in {
		return r.now.at(t)
	}
	return r.before.at(t)
}

// set continues where the sender's clock was set to.
func (r *retime) set(t, passed int64) {
	out := r.place(r.high) + max(passed, 1)
	r.now = piecewise{t, out, r.now.slope}
	r.before, r.high, r.n = r.now, t, 0
	r.best, r.bestIn, r.bestAt = r.base, t, r.lastAt+passed
}

// turn begins a window with another slope.
func (r *retime) turn(at int64, rate float64) {
	first := r.n == 0
	r.ends[r.n%retimeWindows] = sentAt{r.bestIn, r.bestAt}
	r.n++
	if first {
		r.base = r.best
	}
	slope := 1.0
	if rate > 0 {
		slope = 1 / rate
	} else if n := min(r.n, retimeWindows); n > 1 {
		from, to := r.ends[(r.n-n)%retimeWindows], r.ends[(r.n-1)%retimeWindows]
		if to.in > from.in && to.at > from.at {
			if s := float64(to.at-from.at) / float64(to.in-from.in); s > 1+retimeOff || s < 1-retimeOff {
				slope = s
			}
		}
	}
	if off := r.best - r.base; off > r.second/retimeSlack || off < -r.second/retimeSlack {
		slope *= 1 + min(max(float64(off)/float64(5*r.second), -0.5), 1)
	}
	out := r.place(r.high)
	r.before = piecewise{r.now.in, r.now.out, r.now.slope}
	r.now = piecewise{r.high, out, slope}
	r.best, r.bestIn, r.bestAt, r.until = at-out, r.high, at, at+r.second
}
