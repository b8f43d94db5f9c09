package row

import (
	"cmp"
	"math"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Classes of length, for the overlap query. Class k holds rows shorter than
// 2^(36+2k) ns: 69 s, 275 s, 18 min, 73 min, 4.9 h, 20 h, 3.3 d, 13 d, 52 d, 209 d.
const (
	boundedSpans = 10
	spanLong     = boundedSpans     // longer than all of these
	SpanOpen     = boundedSpans + 1 // still growing: no end yet
)

func SpanOf(r *Row) int {
	if r.State == string(media.StateRecording) {
		return SpanOpen
	}
	for k := range boundedSpans {
		if r.EndNS-r.StartNS < SpanLimit(k) {
			return k
		}
	}
	return spanLong
}

// SpanLimit is the length that every row of a class stays below, in ns.
func SpanLimit(class int) int64 {
	if class >= boundedSpans {
		return math.MaxInt64
	}
	return 1 << (36 + 2*class)
}

// Misdated reports whether a row does not end its duration after its start. That of
// a time-lapse does not either; of any other recording, earlier versions wrote it
// when the clock was set while its file grew.
func (r *Row) Misdated() bool {
	off := r.EndNS - r.StartNS - r.DurationNS
	slack := int64(time.Second) + r.DurationNS/100 // a sender's clock may be off
	return off > slack || off < -slack
}

// Overlaps is the meaning of a window: the row began before its end, and ended
// after its begin or began in it. A growing row has not ended.
func (r *Row) Overlaps(from, to int64) bool {
	return r.StartNS < to && (r.StartNS >= from || r.Span == SpanOpen || r.EndNS > from)
}

// Key is a row's place in the order.
type Key struct {
	Start int64
	ID    string
}

func (k Key) Compare(o Key) int {
	if c := cmp.Compare(k.Start, o.Start); c != 0 {
		return c
	}
	return strings.Compare(k.ID, o.ID)
}

func (r *Row) Key() Key { return Key{r.StartNS, r.ID} }
