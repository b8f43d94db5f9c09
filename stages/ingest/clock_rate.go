package ingest

import (
	"fmt"
	"math"
	"time"

	"github.com/gospool/spool/pipeline"
)

// clockRate measures the rate of a track's clock by the arrival of its units. Some cameras announce 90 kHz and run
// at 45 or 100 kHz, and some announce twice the sample rate of their sound.
//
// Only the least delayed unit of each window counts, so that network delay disturbs the measurement little. A rate is
// accepted once the sender's clock and this machine's clock have drifted apart by at least minRateDriftNS, and by a
// similar part of it in both halves of the kept windows. A network queue that fills up once delays only one half.
type clockRate struct {
	points  [ratePoints]instant // least delayed unit of each of the newest windows, a ring
	n       int                 // number of windows that ended since the clock began or was set
	best    instant             // least delayed unit of the current window
	untilNS int64               // arrival at which the current window ends; 0: no window has begun
	last    instant             // newest unit

	rate    float64 // rate of the sender's clock, 1 is right; 0: no deviation is known
	apartNS int64   // drift caused by that rate during the kept windows
	warned  bool
}

// instant pairs the arrival and the media time of a unit.
type instant struct{ monoNS, mediaNS int64 }

func (i instant) lateNS() int64 { return i.monoNS - i.mediaNS }

const (
	ratePoints            = 64
	rateWindowNS          = int64(5 * time.Second)
	minRateDriftNS        = int64(200 * time.Millisecond) // least drift for which a rate is accepted
	reportedRateDriftNS   = int64(time.Second)            // least drift for which a rate is reported to the operator
	reportedRateDeviation = 0.003                         // least deviation for which a rate is reported
	// The sender's clock was set if media time steps back by more than minClockJumpNS, or ahead by that much more than
	// three times the elapsed time.
	minClockJumpNS = int64(2 * time.Second)
)

// observe takes the arrival and the media time of a unit, both in ns. The caller passes the units in decoding order. It
// returns true if a window ended with this unit: observe has then measured the rate, if at least four windows are kept.
func (c *clockRate) observe(mono, media int64) bool {
	at := instant{mono, media}
	step, passed := media-c.last.mediaNS, mono-c.last.monoNS
	c.last = at
	if c.untilNS == 0 || step < -minClockJumpNS || step > minClockJumpNS+3*max(passed, 0) {
		c.n, c.best, c.untilNS = 0, at, mono+rateWindowNS
		return false
	}
	if mono < c.untilNS {
		if at.lateNS() < c.best.lateNS() {
			c.best = at
		}
		return false
	}
	c.points[c.n%ratePoints] = c.best
	c.n++
	c.best, c.untilNS = at, mono+rateWindowNS
	c.measure()
	return true
}

// newest returns the least delayed unit of the newest complete window. There must be a complete window.
func (c *clockRate) newest() instant { return c.points[(c.n-1)%ratePoints] }

func (c *clockRate) measure() {
	n := min(c.n, ratePoints)
	if n < 4 {
		return
	}
	first, mid, last := c.points[(c.n-n)%ratePoints], c.points[(c.n-1-n/2)%ratePoints], c.newest()
	passed := last.monoNS - first.monoNS
	apart, half := first.lateNS()-last.lateNS(), first.lateNS()-mid.lateNS()
	c.rate, c.apartNS = 0, 0
	if passed <= 0 || last.mediaNS <= first.mediaNS || max(apart, -apart) < minRateDriftNS {
		return
	}
	if share := float64(half) / float64(apart); share > 0.25 && share < 0.75 {
		c.rate, c.apartNS = float64(last.mediaNS-first.mediaNS)/float64(passed), apart
	}
}

// wrong reports whether the rate deviates enough to be reported to the operator.
func (c *clockRate) wrong() bool {
	return c.rate != 0 && math.Abs(c.rate-1) >= reportedRateDeviation && max(c.apartNS, -c.apartNS) >= reportedRateDriftNS
}

// observeClock measures the rate of the track's clock by the unit u, whose media time is at, in ns on the feed's time
// line. It reports a wrong rate as a problem. Unless the times follow arrival, a measured rate gives each track a wall
// clock of its own, and that of this track follows the rate.
func (t *Track) observeClock(u *Unit, at int64) {
	f := t.feed
	if f.byArrival {
		at = t.nanos(u.clockPTSTicks)
	}
	if !t.rate.observe(u.MonoNS, at) {
		return
	}
	if wrong := t.rate.wrong(); wrong != t.offRate || wrong && t.rate.n%12 == 0 {
		t.offRate = wrong
		t.reportRate(time.Unix(0, u.UTC))
	}
	if t.rate.rate == 0 || f.byArrival {
		return
	}
	if t.own == nil || !t.ran {
		f.splitClocks(t, u.MonoNS)
	}
	t.own.run(t.rate.rate, at)
}

// splitClocks gives each track of the feed a wall clock of its own, because the clock of track t runs at a wrong rate.
// The clock of t begins with the measured rate. mono is the arrival of the newest unit of t.
func (f *Feed) splitClocks(t *Track, mono int64) {
	at := t.rate.newest()
	for _, o := range f.tracks {
		if o.own == nil && !o.aside() { // metadata keeps the feed's
			o.own = &wallclock{}
		}
	}
	*t.own = wallclock{set: true, offsetNS: at.lateNS(), lowestNS: at.lateNS(), windowNS: mono}
	t.own.run(t.rate.rate, at.mediaNS)
	t.ran = true
}

// reportRate sets the problem clock_rate if the sender's clock runs at a wrong rate, and otherwise clears it. It logs
// the first problem of the track. at is the arrival of the newest unit on the wall clock.
func (t *Track) reportRate(at time.Time) {
	f, key := t.feed, -1-t.index
	if !t.offRate {
		f.pub.Problem(key, nil)
		return
	}
	p := &pipeline.Problem{
		Problem: "clock_rate",
		Since:   at.Add(-time.Duration(max(t.rate.apartNS, -t.rate.apartNS))),
		Cause: fmt.Sprintf("%s: the sender's clock runs at %.1f %% of its rate: at %.0f Hz in place of %d",
			t.cfg.Codec, 100*t.rate.rate, t.rate.rate*float64(t.cfg.Timescale), t.cfg.Timescale),
		Remedy: "look at the encoder's clock and frame rate; wall_clock: arrival makes the times follow this machine's clock",
	}
	if f.byArrival {
		p.Remedy = "look at the encoder's clock and frame rate; its times are put right by arrival"
	}
	if t.rateSince.IsZero() {
		t.rateSince = p.Since
	}
	p.Since = t.rateSince
	f.pub.Problem(key, p)
	if !t.rate.warned {
		t.rate.warned = true
		f.log.Warn("the sender's clock runs at a wrong rate", "codec", t.cfg.Codec.String(),
			"percent", math.Round(1e4*t.rate.rate)/100, "announced_hz", t.cfg.Timescale, "measured_hz", math.Round(t.rate.rate*float64(t.cfg.Timescale)), "remedy", p.Remedy)
	}
}
