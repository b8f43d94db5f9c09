package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a duration in a configuration, written as seconds (10, 2.5) or as a Go duration (10s, 1h30m,
// 250ms). Decode refuses a negative Duration unless the field has the tag `config:"signed"`.
type Duration time.Duration

// D returns the duration as a time.Duration.
func (d Duration) D() time.Duration { return time.Duration(d) }

// ParseDuration parses a duration that is written as seconds (10, 2.5) or as a Go duration (10s, 1h30m). The
// duration may be negative.
func ParseDuration(s string) (Duration, error) {
	text := strings.TrimSpace(s)
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return seconds(f)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration", s)
	}
	return Duration(d), nil
}

// seconds converts seconds to a Duration. It returns an error if an int64 of nanoseconds cannot hold the value.
func seconds(f float64) (Duration, error) {
	ns := math.Round(f * float64(time.Second))
	if math.IsNaN(ns) || ns >= math.MaxInt64 || ns <= math.MinInt64 {
		return 0, fmt.Errorf("%v seconds is out of range", f)
	}
	return Duration(ns), nil
}

// String returns the duration as a short Go duration that ParseDuration parses to the same value, such as 10s
// or 1h30m.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// MarshalText returns String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// MarshalYAML returns String.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// UnmarshalText calls ParseDuration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := ParseDuration(string(text))
	if err == nil {
		*d = v
	}
	return err
}
