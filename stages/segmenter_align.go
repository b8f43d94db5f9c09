package stages

import (
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

const day = 24 * time.Hour

// Check refuses an alignment that does not divide a day or is shorter than a second, and an unknown
// time zone.
func (c SegmenterConfig) Check() (ps config.Problems) {
	if a := c.Align.D(); a != 0 && (a < time.Second || day%a != 0) {
		ps = append(ps, config.At("align", "%s does not divide a day", c.Align).WithHint("for example 15m, 1h or 24h; 0 is off"))
	}
	if _, err := time.LoadLocation(c.Timezone); err != nil {
		ps = append(ps, config.At("timezone", "%q is not a known time zone", c.Timezone).WithHint("for example Europe/Berlin or UTC; empty is the machine's"))
	}
	return ps
}

// clockCut decides when a segment ends by the wall clock. nextUTC is on the same clock as the
// segment's times, because a step of the wall clock ends the segment: see noteStep.
type clockCut struct {
	every   time.Duration // time between two cuts; 0: no cuts
	loc     *time.Location
	nextUTC int64 // time of the next cut, ns of UTC
}

func newClockCut(cfg SegmenterConfig) (clockCut, error) {
	c := clockCut{every: cfg.Align.D(), loc: time.Local}
	if cfg.Timezone == "" {
		return c, nil
	}
	var err error
	if c.loc, err = time.LoadLocation(cfg.Timezone); err != nil {
		return c, fmt.Errorf("timezone: %w", err)
	}
	return c, nil
}

// begin starts a segment at utc, ns of UTC: the next cut is the first aligned time after it.
func (c *clockCut) begin(utc int64) {
	if c.every > 0 {
		c.nextUTC = nextAligned(time.Unix(0, utc), c.every, c.loc).UnixNano()
	}
}

// due returns endcause.Aligned if the open segment ends before a GOP that begins at utc (ns), or ""
// if it does not.
func (c *clockCut) due(utc int64) media.Cause {
	if c.passed(utc, 1) {
		return endcause.Aligned
	}
	return ""
}

// passed reports whether the moment utc, in ns, is at or after the next cut and times-1 further
// cuts.
func (c *clockCut) passed(utc int64, times int64) bool {
	return c.every > 0 && utc-c.nextUTC >= (times-1)*int64(c.every)
}

// longest returns the longest duration of a segment: limit or the time between two cuts, whichever
// is shorter; 0: no limit. The muxer preallocates for this duration.
func (c *clockCut) longest(limit time.Duration) time.Duration {
	if c.every > 0 && (limit == 0 || c.every < limit) {
		return c.every
	}
	return limit
}

// nextAligned returns the first moment after t at which the wall clock of loc shows a multiple of
// every since midnight. every divides a day. An hour that the clock shows twice, at the end of
// daylight saving time, has its multiples twice.
func nextAligned(t time.Time, every time.Duration, loc *time.Location) time.Time {
	t = t.In(loc)
	next := t.Add(every - sinceMultiple(t, every))
	_, change := t.ZoneBounds()
	if change.IsZero() || next.Before(change) {
		return next
	}
	if rest := sinceMultiple(change, every); rest > 0 { // the wall clock jumps at the change
		return change.Add(every - rest)
	}
	return change
}

// sinceMultiple returns the time since the wall clock of t last showed a multiple of every.
func sinceMultiple(t time.Time, every time.Duration) time.Duration {
	_, offset := t.Zone()
	figures := t.UTC().Add(time.Duration(offset) * time.Second) // reading of the wall clock, as if it were UTC
	return figures.Sub(figures.Truncate(every))                 // Truncate counts from a midnight
}
