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
	maxSpan  = 10 * 366 * 24 * time.Hour
	lastYear = 2261 // the last full year in nanoseconds since 1970
)

// ParseDuration parses seconds ("60", "1.5") or a Go duration ("90s", "1h30m"), more than 0 and at
// most ten years.
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

// ParseTime parses RFC 3339 or Unix seconds with an optional fraction, from 1970 to 2261.
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

// errTooLarge reports seconds that overflow nanoseconds.
var errTooLarge = errors.New("too large")

// parseSeconds parses decimal seconds exactly, to the nanosecond: digits, and up to nine more after
// a point, without sign or exponent, and without floating point.
func parseSeconds(text string) (time.Duration, error) {
	whole, fraction, point := strings.Cut(text, ".")
	if !digits(whole) || point && !digits(fraction) || len(fraction) > 9 {
		return 0, fmt.Errorf("%.40q is not decimal seconds", text)
	}
	s, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || s > math.MaxInt64/int64(time.Second)-1 {
		return 0, errTooLarge
	}
	ns, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64) // nine digits
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

// parseBool accepts only true and false: "wait=1" could mean a second.
func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%.40q is neither true nor false", text)
}
