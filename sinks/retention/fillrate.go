package retention

import (
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// fillRate measures how fast a disk fills. Recorders write a chunk about once a second, and the
// chunks of many streams may fall into the same second. fillRate therefore keeps the largest growth
// within lookEvery, and reduces it by a tenth every lookEvery.
type fillRate struct {
	usedBytes  int64     // used bytes of the disk at the last look, or after the last deletion
	grownBytes int64     // growth of the used bytes since at; deleted bytes are not subtracted
	at         time.Time // begin of the current period, which lasts for at least lookEvery
	peakBytes  int64     // largest growth within lookEvery; it is reduced by a tenth every lookEvery
}

// maxAhead is the divisor for the most room that is kept free in advance: an eighth of the disk, or
// of a max_bytes.
const maxAhead = 8

// look adds a measurement of the disk, and updates peakBytes from the growth since the current period
// began. A period ends at the first measurement that comes lookEvery or more after its begin; the next
// period then begins. The growth in a period of 30 times lookEvery or more is ignored. The first
// measurement only begins a period.
func (f *fillRate) look(s filesystem.Capacity, now time.Time) {
	passed := now.Sub(f.at)
	known := !f.at.IsZero() && passed > 0 && passed < 30*lookEvery
	f.grownBytes, f.usedBytes = f.grownBytes+s.UsedBytes()-f.usedBytes, s.UsedBytes()
	if known && passed < lookEvery { // a notice woke the keeper: the period goes on
		f.peakBytes = max(f.grownBytes, f.peakBytes)
		return
	}
	grown := int64(0)
	if known {
		grown = int64(float64(f.grownBytes) / (passed.Seconds() / lookEvery.Seconds()))
	}
	f.grownBytes, f.at = 0, now
	f.peakBytes = max(grown, f.peakBytes-f.peakBytes/10)
}

// expectedBytes estimates the most bytes by which the disk fills in two intervals of lookEvery: twice
// peakBytes, at most an eighth of the disk.
func (f *fillRate) expectedBytes(s filesystem.Capacity) int64 {
	return min(2*f.peakBytes, s.UsableBytes/maxAhead)
}

// during estimates the most bytes by which the disk fills in the time d, at the rate of peakBytes in
// lookEvery.
func (f *fillRate) during(d time.Duration) int64 {
	return int64(float64(f.peakBytes) * d.Seconds() / lookEvery.Seconds())
}

// freed records the used bytes of the disk s after a deletion, so that the next call of look does not
// subtract the deleted bytes from the growth.
func (f *fillRate) freed(s filesystem.Capacity) { f.usedBytes = s.UsedBytes() }
