package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes in a configuration, written as plain bytes or with a binary unit (KiB, MiB, GiB,
// TiB) or a decimal unit (KB, MB, GB, TB), such as 1.5MiB. Decode refuses a negative Size.
type Size int64

// units lists the units in the order in which ParseSize tries them. B is last, because each other unit ends with
// a B, too.
var units = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// ParseSize parses a size that is written as plain bytes or with a unit, such as 1.5MiB or 64GB. It ignores the
// case of the unit, and rounds to whole bytes. It accepts a negative size.
func ParseSize(s string) (Size, error) {
	number, scale := strings.TrimSpace(s), int64(1)
	for _, u := range units {
		if rest, ok := cutUnit(number, u.name); ok {
			number, scale = rest, u.bytes
			break
		}
	}
	if i, err := strconv.ParseInt(number, 10, 64); err == nil {
		if i > math.MaxInt64/scale || i < math.MinInt64/scale {
			return 0, fmt.Errorf("%q is out of range", s)
		}
		return Size(i * scale), nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(f) {
		return 0, fmt.Errorf("%q is no size", s)
	}
	f = math.Round(f * float64(scale))
	if f >= math.MaxInt64 || f <= math.MinInt64 {
		return 0, fmt.Errorf("%q is out of range", s)
	}
	return Size(f), nil
}

func cutUnit(s, unit string) (rest string, ok bool) {
	at := len(s) - len(unit)
	if at <= 0 || !strings.EqualFold(s[at:], unit) {
		return s, false
	}
	return strings.TrimSpace(s[:at]), true
}

// Int returns the size as an int, at most math.MaxInt: a program of 32 bits cannot address more memory.
func (n Size) Int() int { return int(min(int64(n), math.MaxInt)) }

// String returns the size in the largest binary unit of which it is a multiple, so that ParseSize parses it to
// the same size: 64MiB, 1536KiB, 1000.
func (n Size) String() string {
	for _, u := range units[:4] {
		if n != 0 && int64(n)%u.bytes == 0 {
			return strconv.FormatInt(int64(n)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(n), 10)
}

// MarshalText returns String.
func (n Size) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// MarshalYAML returns String.
func (n Size) MarshalYAML() (any, error) { return n.String(), nil }

// UnmarshalText calls ParseSize.
func (n *Size) UnmarshalText(text []byte) error {
	v, err := ParseSize(string(text))
	if err == nil {
		*n = v
	}
	return err
}
