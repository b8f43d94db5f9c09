package recorder

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-co-op/gocron/v2"
)

// Cron is a cron expression in a time zone. It has the fields minute, hour, day of month, month and day of
// week, or is a name such as @daily, or an interval such as @every 90m.
//
// An expression that names hours follows the wall clock in the time zone. If daylight saving time repeats an
// hour, the expression fires only in the first of the two. If it skips a firing time, the expression fires at
// the change. An expression for each hour, and @every, follow elapsed time. @every counts from 1970, so that a
// restart does not move its firings.
type Cron struct {
	text  string
	loc   *time.Location
	every time.Duration             // interval of @every, else 0
	next  func(time.Time) time.Time // returns the first firing after a time; nil for @every
}

const minEvery = time.Second

// ParseCron parses an expression. loc is its time zone. The error describes the fault of the expression.
func ParseCron(text string, loc *time.Location) (Cron, error) {
	c := Cron{text: text, loc: loc}
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ=") {
		return c, errors.New("the time zone is a setting of its own: timezone")
	}
	if span, ok := strings.CutPrefix(text, "@every "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(span))
		if err != nil || d < minEvery {
			return c, fmt.Errorf("%q is no duration of at least %s, such as 90m or 1h30m", span, minEvery)
		}
		c.every = d
		return c, nil
	}
	wall := time.UTC // nextOnWall passes the date and time of day of the wall clock as if they were UTC
	if everyHour(text) {
		wall = loc
	}
	parsed := gocron.NewDefaultCron(false)
	if err := parsed.IsValid(text, wall, time.Now()); err != nil {
		return c, cronError(err)
	}
	c.next = parsed.Next
	if wall == time.UTC && loc != time.UTC {
		c.next = func(t time.Time) time.Time { return nextOnWall(parsed.Next, t, loc) }
	}
	return c, nil
}

// cronError returns the specific error of the parser, without the general error that gocron joins to it.
func cronError(err error) error {
	if errors.Is(err, gocron.ErrCronJobInvalid) {
		return errors.New("there is no such day")
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return err
	}
	for _, e := range joined.Unwrap() {
		if !errors.Is(e, gocron.ErrCronJobParse) {
			return e
		}
	}
	return err
}

// everyHour reports whether the expression fires in each hour of a day.
func everyHour(text string) bool {
	if text == "@hourly" {
		return true
	}
	fields := strings.Fields(text)
	return len(fields) == 5 && (fields[1] == "*" || fields[1] == "*/1" || fields[1] == "0-23")
}

// String returns the expression as it was written.
func (c Cron) String() string { return c.text }

// Location returns the time zone.
func (c Cron) Location() *time.Location { return c.loc }

// Next returns the first firing after t, and the zero time if the expression does not fire after t.
func (c Cron) Next(t time.Time) time.Time {
	if c.every > 0 {
		ns := t.UnixNano()
		return time.Unix(0, ns-ns%int64(c.every)+int64(c.every)).In(c.loc)
	}
	return c.next(t.In(c.loc))
}

// lookBack lists the intervals before a time in which Last searches for a firing, in this order. Short ones come
// first, because an expression may fire each minute. The last always contains a February 29.
var lookBack = []time.Duration{time.Hour, 25 * time.Hour, 32 * 24 * time.Hour, 367 * 24 * time.Hour, 9 * 366 * 24 * time.Hour}

// Last returns the newest firing at or before t, and zero if the longest interval of lookBack, nine years,
// contains none.
func (c Cron) Last(t time.Time) (last time.Time) {
	for _, back := range lookBack {
		for n := c.Next(t.Add(-back)); !n.IsZero() && !n.After(t); n = c.Next(n) {
			last = n
		}
		if !last.IsZero() {
			return last
		}
	}
	return last
}

// nextOnWall returns the first firing after t of an expression for the wall clock in loc. next returns the
// firing after a time; its argument and its result have the date and time of day of the wall clock, but the
// zone UTC: see onWall. Of two firings, the later one by the wall clock is never the earlier moment (see
// whenOnWall). So the first result of next whose moment is after t is the result.
func nextOnWall(next func(time.Time) time.Time, t time.Time, loc *time.Location) time.Time {
	for figures := next(onWall(t)); !figures.IsZero(); figures = next(figures) {
		if at := whenOnWall(figures, loc); at.After(t) {
			return at
		}
	}
	return time.Time{}
}

// onWall returns the time in UTC that has the same date and time of day as t has in its own zone.
func onWall(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// whenOnWall returns the first moment at which the wall clock in loc shows the date and time of day of figures,
// a time in UTC. If daylight saving time skips this time of day, it returns the moment of the change.
func whenOnWall(figures time.Time, loc *time.Location) time.Time {
	offset := func(t time.Time) time.Duration {
		_, s := t.In(loc).Zone()
		return time.Duration(s) * time.Second
	}
	const day = 24 * time.Hour // far enough from a change of the clock
	before, after := offset(figures.Add(-day)), offset(figures.Add(day))
	early, late := figures.Add(-before), figures.Add(-after)
	switch {
	case offset(early) == before:
		return early.In(loc)
	case offset(late) == after:
		return late.In(loc)
	}
	change, _ := early.In(loc).ZoneBounds()
	return change
}
