package replay

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media/footage"
)

// Range is a Range header (RFC 2326, 12.29): two moments between which a client plays. Reversed, To is before From.
type Range struct {
	// Relative reports that the moments are ns since the begin of what was described (npt), instead of ns UTC (clock).
	Relative bool
	From, To Moment
}

// Moment is a moment of a Range.
type Moment struct {
	Is When
	At int64 // ns, if Is is Given
}

// When says what a Moment is.
type When byte

// The kinds of moments: one that the client leaves open, one that it gives, and the newest footage (npt=now).
const (
	Open When = iota
	Given
	Now
)

// utcLayout is the format of a moment of the wall clock (RFC 2326, 3.7), which may have a fraction.
const utcLayout = "20060102T150405"

// errRange is the error of a range in units that do not fit recordings, such as SMPTE.
var errRange = errors.New("a range is clock=UTC-UTC or npt=SECONDS-SECONDS")

// ParseRange reads a Range header.
func ParseRange(text string) (r Range, err error) {
	unit, moments, _ := strings.Cut(text, "=")
	from, to, whole := strings.Cut(moments, "-")
	parse := parseUTC
	switch strings.TrimSpace(unit) {
	case "clock":
	case "npt":
		r.Relative, parse = true, parseNPT
	default:
		return r, errRange
	}
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	if !whole || from == "" && to == "" {
		return r, errRange
	}
	if r.From, err = parse(from); err == nil {
		r.To, err = parse(to)
	}
	return r, err
}

func parseUTC(text string) (m Moment, err error) {
	if text == "" {
		return m, nil
	}
	date, fraction, some := strings.Cut(strings.TrimSuffix(text, "Z"), ".")
	at, err := time.Parse(utcLayout, date)
	ns, wrong := fractionNS(fraction)
	if err != nil || wrong || some && fraction == "" || !strings.HasSuffix(text, "Z") || len(date) != len(utcLayout) {
		return m, fmt.Errorf("%.40q is no moment such as 20261129T101500.25Z", text)
	}
	m.Is = Given
	switch y := at.Year(); {
	case y < 1900:
		m.At = footage.Oldest
	case y > 2200:
		m.At = footage.Newest
	default:
		m.At = at.UnixNano() + ns
	}
	return m, nil
}

// fractionNS returns the digits behind a decimal point as ns, the tenth one and further ones not regarded.
func fractionNS(digits string) (ns int64, wrong bool) {
	unit := int64(time.Second) / 10
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, true
		}
		ns += int64(d-'0') * unit
		unit /= 10
	}
	return ns, false
}

// maxNPT bounds a time since the begin of the footage, in seconds: a century.
const maxNPT = 100 * 366 * 24 * 3600

// parseNPT reads a time (RFC 2326, 3.6): now, SECONDS or HOURS:MINUTES:SECONDS.
func parseNPT(text string) (m Moment, err error) {
	switch text {
	case "":
		return m, nil
	case "now":
		return Moment{Is: Now}, nil
	}
	wrong := fmt.Errorf("%.40q is no time such as 12.5, 0:00:12.5 or now", text)
	whole, fraction, _ := strings.Cut(text, ".")
	ns, bad := fractionNS(fraction)
	if bad {
		return m, wrong
	}
	seconds := int64(0)
	parts := strings.Split(whole, ":")
	if len(parts) != 1 && len(parts) != 3 {
		return m, wrong
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil || i > 0 && n > 59 {
			return m, wrong
		}
		seconds = 60*seconds + int64(n)
	}
	if seconds > maxNPT {
		return m, wrong
	}
	return Moment{Given, seconds*int64(time.Second) + ns}, nil
}

// String formats a range for the header of a response.
func (r Range) String() string {
	if r.Relative {
		return "npt=" + r.From.npt() + "-" + r.To.npt()
	}
	return "clock=" + r.From.utc() + "-" + r.To.utc()
}

func (m Moment) npt() string {
	if m.Is != Given {
		return ""
	}
	return strconv.FormatFloat(time.Duration(m.At).Seconds(), 'f', -1, 64)
}

func (m Moment) utc() string {
	if m.Is != Given {
		return ""
	}
	return time.Unix(0, m.At).UTC().Format(utcLayout+".000000") + "Z"
}
