package ingest

import "github.com/gospool/spool/pipeline/media"

// retime makes a track's times follow arrival, for the setting wall_clock: arrival. It is a piecewise linear
// function from the times that the sender sent to corrected times. At the end of each window, which lasts about a
// second, it chooses a new slope. If the delay of the least delayed unit differs by more than a tenth of a second
// from its value in the first window, the slope brings it back. The function never decreases, so the order of times
// is kept. If the sender's clock is set, the corrected times continue without a break.
type retime struct {
	secondTicks int64     // ticks a second
	on          bool      // a unit has come
	now         piecewise // piece from now.inTicks on: the highest sent time when the slope changed last
	before      piecewise // piece for the sent times before now.inTicks
	highTicks   int64     // highest sent time

	// baseTicks is the least delay, arrival less corrected time, in the first window after the track began or its
	// sender's clock was set.
	baseTicks   int64
	bestTicks   int64 // least delay in the current window
	bestInTicks int64 // sent time of the least delayed unit in the current window
	bestAtTicks int64 // arrival of the least delayed unit in the current window
	untilTicks  int64 // arrival at which the current window ends
	lastInTicks int64 // sent time of the newest unit
	lastAtTicks int64 // arrival of the newest unit

	ends [retimeWindows]sentAt // least delayed units of the newest windows, a ring
	n    int                   // number of windows that ended since the track began or its sender's clock was set
}

type sentAt struct{ inTicks, atTicks int64 }

// piecewise is one linear piece of a function: the time t becomes outTicks + (t - inTicks) * slope.
type piecewise struct {
	inTicks, outTicks int64
	slope             float64
}

const (
	retimeWindows = 8
	retimeSlack   = 10   // a change of the delay by up to 1/10 s is not corrected
	retimeOff     = 0.03 // a smaller deviation of the slope from 1 is ignored: it may be jitter
)

func (p piecewise) at(t int64) int64 { return p.outTicks + int64(float64(t-p.inTicks)*p.slope) }

// time returns the corrected time for the sent time t of a unit, both in ticks. mono is the arrival of the unit, ns of
// the steady clock. rate is the measured rate of the sender's clock, as in clockRate; 0: unknown.
func (r *retime) time(t, mono int64, rate float64) int64 {
	at := media.FromNanos(mono, uint32(r.secondTicks))
	if !r.on {
		r.on = true
		r.now = piecewise{t, t, 1}
		r.before, r.highTicks = r.now, t
		r.baseTicks, r.bestTicks, r.bestInTicks, r.bestAtTicks, r.untilTicks = at-t, at-t, t, at, at+2*r.secondTicks
	} else if step, passed := t-r.lastInTicks, max(at-r.lastAtTicks, 0); step < -2*r.secondTicks || step > 2*r.secondTicks+128*passed {
		r.set(t, passed)
	}
	r.lastInTicks, r.lastAtTicks = t, at
	if at >= r.untilTicks {
		r.turn(at, rate)
	}
	r.highTicks = max(r.highTicks, t)
	out := r.place(t)
	if late := at - out; late < r.bestTicks {
		r.bestTicks, r.bestInTicks, r.bestAtTicks = late, t, at
	}
	return out
}

func (r *retime) place(t int64) int64 {
	if t >= r.now.inTicks {
		return r.now.at(t)
	}
	return r.before.at(t)
}

// set continues the corrected times after the sender's clock was set to t. passed is the time from the arrival of the
// unit before to that of the current unit, in ticks.
func (r *retime) set(t, passed int64) {
	out := r.place(r.highTicks) + max(passed, 1)
	r.now = piecewise{t, out, r.now.slope}
	r.before, r.highTicks, r.n = r.now, t, 0
	r.bestTicks, r.bestInTicks, r.bestAtTicks = r.baseTicks, t, r.lastAtTicks+passed
}

// turn ends the current window and begins the next one with a new slope (see retime). at is the arrival of the
// current unit, in ticks. rate is the measured rate of the sender's clock; if it is 0, the rate is unknown, and the
// slope follows from the kept windows.
func (r *retime) turn(at int64, rate float64) {
	first := r.n == 0
	r.ends[r.n%retimeWindows] = sentAt{r.bestInTicks, r.bestAtTicks}
	r.n++
	if first {
		r.baseTicks = r.bestTicks
	}
	slope := 1.0
	if rate > 0 {
		slope = 1 / rate
	} else if n := min(r.n, retimeWindows); n > 1 {
		from, to := r.ends[(r.n-n)%retimeWindows], r.ends[(r.n-1)%retimeWindows]
		if to.inTicks > from.inTicks && to.atTicks > from.atTicks {
			if s := float64(to.atTicks-from.atTicks) / float64(to.inTicks-from.inTicks); s > 1+retimeOff || s < 1-retimeOff {
				slope = s
			}
		}
	}
	if off := r.bestTicks - r.baseTicks; off > r.secondTicks/retimeSlack || off < -r.secondTicks/retimeSlack {
		slope *= 1 + min(max(float64(off)/float64(5*r.secondTicks), -0.5), 1)
	}
	out := r.place(r.highTicks)
	r.before = piecewise{r.now.inTicks, r.now.outTicks, r.now.slope}
	r.now = piecewise{r.highTicks, out, slope}
	r.bestTicks, r.bestInTicks, r.bestAtTicks, r.untilTicks = at-out, r.highTicks, at, at+r.secondTicks
}
