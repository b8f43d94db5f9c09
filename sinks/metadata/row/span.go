package row

import (
	"cmp"
	"math"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// The length classes of rows, by which a query finds the rows that overlap a window: see the comment of
// package metadata. Class k, from 0 to 9, has the rows shorter than 2^(36+2k) ns that are in no lower
// class: up to 69 s, 275 s, 18 min, 73 min, 4.9 h, 20 h, 3.3 d, 13 d, 52 d, 209 d.
const (
	boundedSpans = 10
	spanLong     = boundedSpans     // the class of longer rows
	SpanOpen     = boundedSpans + 1 // the class of rows whose file still grows
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

// SpanLimitNS returns the length in nanoseconds that every row of a class is shorter than. It
// returns math.MaxInt64 for spanLong and SpanOpen, which have no such bound.
func SpanLimitNS(class int) int64 {
	if class >= boundedSpans {
		return math.MaxInt64
	}
	return 1 << (36 + 2*class)
}

// Misdated reports whether the row's end differs from its start plus its duration by more than a
// second and 1 % of the duration. The end may then be wrong: earlier versions of spool stored a
// wrong end if the clock was set while the file grew. In a time-lapse recording the end is right
// all the same.
func (r *Row) Misdated() bool {
	off := r.EndNS - r.StartNS - r.DurationNS
	slack := int64(time.Second) + r.DurationNS/100 // the sender's clock may drift
	return off > slack || off < -slack
}

// Overlaps reports whether the row overlaps the window [fromNS, toNS): it begins before toNS, and it
// begins at or after fromNS, or ends after fromNS, or still grows.
func (r *Row) Overlaps(fromNS, toNS int64) bool {
	return r.StartNS < toNS && (r.StartNS >= fromNS || r.Span == SpanOpen || r.EndNS > fromNS)
}

// Key determines the position of a row in a result: rows are ordered by start, and rows with the
// same start by ID.
type Key struct {
	StartNS int64
	ID      string
}

// Compare returns -1 if the row of k comes before the row of o, 0 if k and o are equal, and 1 if
// the row of k comes after it.
func (k Key) Compare(o Key) int {
	if c := cmp.Compare(k.StartNS, o.StartNS); c != 0 {
		return c
	}
	return strings.Compare(k.ID, o.ID)
}

// Key returns the key of the row.
func (r *Row) Key() Key { return Key{r.StartNS, r.ID} }
