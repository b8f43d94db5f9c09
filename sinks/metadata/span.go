package metadata

import (
	"math"

	"github.com/gospool/spool/pipeline/media"
)

// Classes of length, for the overlap query. Class k holds rows shorter than
// 2^(36+2k) ns: 69 s, 275 s, 18 min, 73 min, 4.9 h, 20 h, 3.3 d, 13 d, 52 d, 209 d.
const (
	boundedSpans = 10
	spanLong     = boundedSpans     // longer than all of these
	spanOpen     = boundedSpans + 1 // still growing: no end yet
)

func spanOf(r *row) int {
	if r.State == string(media.StateRecording) {
		return spanOpen
	}
	for k := range boundedSpans {
		if r.EndNS-r.StartNS < spanLimit(k) {
			return k
		}
	}
	return spanLong
}

// spanLimit is the length that every row of a class stays below, in ns.
func spanLimit(class int) int64 {
	if class >= boundedSpans {
		return math.MaxInt64
	}
	return 1 << (36 + 2*class)
}

// misdated reports whether a row does not end its duration after its start. That of
// a time-lapse does not either; of any other recording, earlier versions wrote it
// when the clock was set while its file grew.
func (r *row) misdated() bool {
	off := r.EndNS - r.StartNS - r.DurationNS
	slack := 1_000_000_000 + r.DurationNS/100 // a sender's clock may be off
	return off > slack || off < -slack
}

// overlaps is the meaning of a window: the row began before its end, and ended
// after its begin or began in it. A growing row has not ended.
func (r *row) overlaps(from, to int64) bool {
	return r.StartNS < to && (r.StartNS >= from || r.Span == spanOpen || r.EndNS > from)
}
