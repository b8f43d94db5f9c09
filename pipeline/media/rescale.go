package media

import (
	"math/bits"
	"time"
)

// Rescale converts ticks of the timescale from to ticks of the timescale to. It rounds to the nearest tick
// (halves away from zero) and saturates if an int64 cannot hold the result. Callers convert absolute times and
// subtract the results, because converted differences add up their rounding errors.
func Rescale(ticks int64, from, to uint32) int64 {
	if from == to || ticks == 0 {
		return ticks
	}
	neg := ticks < 0
	u := uint64(ticks)
	if neg {
		u = -u
	}
	hi, lo := bits.Mul64(u, uint64(to))
	lo, carry := bits.Add64(lo, uint64(from)/2, 0)
	hi += carry
	q := uint64(1 << 63)
	if hi < uint64(from) { // else the quotient does not fit
		q, _ = bits.Div64(hi, lo, uint64(from))
	}
	switch { // saturate rather than wrap
	case neg && q >= 1<<63:
		return -1 << 63
	case neg:
		return -int64(q)
	}
	return int64(min(q, 1<<63-1))
}

// Nanoseconds per second, as a timescale.
const nanoseconds = uint32(time.Second)

// ToNanos converts ticks of a timescale to nanoseconds.
func ToNanos(ticks int64, timescale uint32) int64 { return Rescale(ticks, timescale, nanoseconds) }

// FromNanos converts nanoseconds to ticks of a timescale.
func FromNanos(ns int64, timescale uint32) int64 { return Rescale(ns, nanoseconds, timescale) }
