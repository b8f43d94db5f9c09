package ingest

import (
	"fmt"
	"math"
	"time"

	"github.com/gospool/spool/pipeline"
)

// clockRate measures how fast the clock of a track's times runs against arrival:
// cameras are known whose 90 kHz are 45 or 100 kHz, and sound that is announced at
// twice its rate.
//
// Of each window the least delayed unit counts, so that what is late on the way does
// not. A rate is believed once the two clocks have come apart by more than delays
// explain, and in both halves of what is remembered, so that a network that fills up
// is not taken for a clock.
type clockRate struct {
	points [ratePoints]instant // the least delayed of each window, a ring
	n      int
	best   instant // of the window at hand
	until  int64   // ns, arrival at which it ends; 0: none has begun
	last   instant

	rate   float64 // of the sender's clock; 0: as it should be, as far as is known
	apart  int64   // ns by which that put the clocks apart
	warned bool
}

// instant is a unit's arrival and its media time, ns.
type instant struct{ mono, media int64 }

func (i instant) late() int64 { return i.mono - i.media }

const (
	ratePoints = 64
	rateWindow = int64(5 * time.Second)
	rateSeen   = int64(200 * time.Millisecond) // apart: the rate is believed
	rateWrong  = int64(time.Second)            // apart: and a person is told, where it is
	rateOff    = 0.003                         // off by so much
	clockSet   = int64(2 * time.Second)        // and three times what passed: the clock was set
)

// see takes a unit in, in decoding order, and reports whether the rate was measured
// anew.
func (c *clockRate) see(mono, media int64) bool {
	at := instant{mono, media}
	step, passed := media-c.last.media, mono-c.last.mono
	c.last = at
	if c.until == 0 || step < -clockSet || step > clockSet+3*max(passed, 0) {
		c.n, c.best, c.until = 0, at, mono+rateWindow
		return false
	}
	if mono < c.until {
		if at.late() < c.best.late() {
			c.best = at
		}
		return false
	}
	c.points[c.n%ratePoints] = c.best
	c.n++
	c.best, c.until = at, mono+rateWindow
	c.measure()
	return true
}

// newest returns the least delayed unit of the last window that is over.
func (c *clockRate) newest() instant { return c.points[(c.n-1)%ratePoints] }

func (c *clockRate) measure() {
	n := min(c.n, ratePoints)
	if n < 4 {
		return
	}
	first, mid, last := c.points[(c.n-n)%ratePoints], c.points[(c.n-1-n/2)%ratePoints], c.newest()
	passed := last.mono - first.mono
	apart, half := first.late()-last.late(), first.late()-mid.late()
	c.rate, c.apart = 0, 0
	if passed <= 0 || last.media <= first.media || max(apart, -apart) < rateSeen {
		return
	}
	if share := float64(half) / float64(apart); share > 0.25 && share < 0.75 {
		c.rate, c.apart = float64(last.media-first.media)/float64(passed), apart
	}
}

// wrong reports whether a person is to be told.
func (c *clockRate) wrong() bool {
	return c.rate != 0 && math.Abs(c.rate-1) >= rateOff && max(c.apart, -c.apart) >= rateWrong
}

// seeClock measures a track's clock by a unit that is written at a media time, ns, and
// dates by it.
func (t *Track) seeClock(u *Unit, at int64) {
	f := t.feed
	if f.byArrival {
		at = t.nanos(u.sent)
	}
	if !t.rate.see(u.Mono, at) {
		return
	}
	if wrong := t.rate.wrong(); wrong != t.offRate || wrong && t.rate.n%12 == 0 {
		t.offRate = wrong
		t.tellRate(time.Unix(0, u.UTC))
	}
	if t.rate.rate == 0 || f.byArrival {
		return
	}
	if t.own == nil || !t.ran {
		f.part(t, u.Mono)
	}
	t.own.run(t.rate.rate, at)
}

// part dates each track by a clock of its own, from when one of them is known to run
// at another rate.
func (f *Feed) part(t *Track, mono int64) {
	at := t.rate.newest()
	for _, o := range f.tracks {
		if o.own == nil {
			o.own = &wallclock{}
		}
	}
	*t.own = wallclock{set: true, offset: at.late(), lowest: at.late(), window: mono}
	t.own.run(t.rate.rate, at.media)
	t.ran = true
}

// tellRate tells of a clock that runs at a wrong rate, or does not any more.
func (t *Track) tellRate(at time.Time) {
	f, key := t.feed, -1-t.index
	if !t.offRate {
		f.pub.Problem(key, nil)
		return
	}
	p := &pipeline.Problem{
		Problem: "clock_rate",
		Since:   at.Add(-time.Duration(max(t.rate.apart, -t.rate.apart))),
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
