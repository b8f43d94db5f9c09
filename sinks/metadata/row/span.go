package row

import (
	"cmp"
	"math"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Length classes for the overlap query. Class k holds rows shorter than
// 2^(36+2k) ns: 69 s, 275 s, 18 min, 73 min, 4.9 h, 20 h, 3.3 d, 13 d, 52 d, 209 d.
const (
	boundedSpans = 10
	spanLong     = boundedSpans     // longer than the bounded classes
	SpanOpen     = boundedSpans + 1 // the file still grows and has no end
)

// SpanOf returns the length class of a row.
func SpanOf(r *Row) int {
	if r.State == string(media.StateRecording) {
		return SpanOpen
	}
	for k := range boundedSpans {
		if r.EndNS-r.StartNS < SpanLimitNS(k) {
			return k
		}
	}
	return spanLong
}

// SpanLimitNS returns the length, in ns, that every row of a class stays below.
func SpanLimitNS(class int) int64 {
	if class >= boundedSpans {
		return math.MaxInt64
	}
	return 1 << (36 + 2*class)
}

// Misdated reports whether the row's end differs from its start plus its duration. A time-lapse
// differs by nature; earlier versions wrote other such rows when the clock was set while the file
// grew.
func (r *Row) Misdated() bool {
	off := r.EndNS - r.StartNS - r.DurationNS
	slack := int64(time.Second) + r.DurationNS/100 // the sender's clock may drift
	return off > slack || off < -slack
}

// Overlaps reports whether the row overlaps the window [fromNS, toNS): it began before toNS, and
// it began at or ended after fromNS. A growing row has no end.
func (r *Row) Overlaps(fromNS, toNS int64) bool {
	return r.StartNS < toNS && (r.StartNS >= fromNS || r.Span == SpanOpen || r.EndNS > fromNS)
}

// Key orders rows by start, then by ID.
type Key struct {
	StartNS int64
	ID      string
}

// Compare returns -1, 0 or 1 as k is before, equal to or behind o.
func (k Key) Compare(o Key) int {
	if c := cmp.Compare(k.StartNS, o.StartNS); c != 0 {
		return c
	}
	return strings.Compare(k.ID, o.ID)
}

// Key returns the row's place in the order.
func (r *Row) Key() Key { return Key{r.StartNS, r.ID} }
