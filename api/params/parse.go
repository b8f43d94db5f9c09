package params

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	maxSpan  = 10 * 366 * 24 * time.Hour // longest duration that ParseDuration accepts
	lastYear = 2261                      // last year that ParseTime accepts: its times fit into 64 bits of nanoseconds
)

// ParseDuration parses a duration: seconds ("60", "1.5") or the form of time.ParseDuration ("90s",
// "1h30m"). It must be more than 0 and at most ten years.
func ParseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		if d, err = parseSeconds(text); err != nil && !errors.Is(err, errTooLarge) {
			return 0, fmt.Errorf("%.40q is not a duration: write seconds (60) or a Go duration (1h30m)", text)
		}
	}
	if d <= 0 || d > maxSpan {
		return 0, fmt.Errorf("%.40q is out of range: more than 0 and at most ten years", text)
	}
	return d, nil
}

// ParseTime parses a time in RFC 3339, or in seconds since 1970-01-01 UTC with an optional fraction.
// It must be in the years 1970 to 2261. The result is in UTC.
func ParseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		var d time.Duration
		d, err = parseSeconds(text)
		t = time.Unix(0, int64(d))
	}
	switch t = t.UTC(); {
	case errors.Is(err, errTooLarge), t.Before(time.Unix(0, 0)), t.Year() > lastYear:
		return time.Time{}, fmt.Errorf("%.40q is out of range: from 1970 to %d", text, lastYear)
	case err != nil:
		return time.Time{}, fmt.Errorf("%.40q is not a time: write RFC 3339 (2026-01-31T08:00:00Z; a + in a query is %%2B) or Unix seconds", text)
	}
	return t, nil
}

// errTooLarge is the error of a number of seconds that does not fit into a time.Duration.
var errTooLarge = errors.New("too large")

// parseSeconds parses seconds: decimal digits, and optionally a point and up to nine more digits. It
// uses no floating point, so that the result is exact to the nanosecond.
func parseSeconds(text string) (time.Duration, error) {
	whole, fraction, point := strings.Cut(text, ".")
	if !digits(whole) || point && !digits(fraction) || len(fraction) > 9 {
		return 0, fmt.Errorf("%.40q is not decimal seconds", text)
	}
	s, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || s > math.MaxInt64/int64(time.Second)-1 {
		return 0, errTooLarge
	}
	ns, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64) // nine digits are no error
	return time.Duration(s)*time.Second + time.Duration(ns), nil
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// parseBool parses true and false. It refuses 1 and 0, because wait=1 could mean one second.
func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%.40q is neither true nor false", text)
}
