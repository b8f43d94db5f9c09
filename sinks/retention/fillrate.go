package retention

import (
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// fillRate measures how fast a disk fills. Recorders write a chunk about once a second, and the
// chunks of many streams may fall into the same second. It therefore keeps the largest growth within
// lookEvery, and reduces it by a tenth every lookEvery.
type fillRate struct {
	usedBytes  int64     // used bytes of the disk at the last look, or after the last deletion
	grownBytes int64     // growth of the used bytes since at; deleted bytes are not subtracted
	at         time.Time // begin of the current period, which lasts for at least lookEvery
	peakBytes  int64     // largest growth within lookEvery, reduced as above
}

// maxAhead is the divisor for the most room that is kept free in advance: an eighth of the disk, or
// of max_bytes.
const maxAhead = 8

// look adds a measurement of the disk. The first one, and one after a long pause, start a period and
// measure no growth.
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

// expectedBytes returns the most bytes that the disk may fill by until the look after the next one.
func (f *fillRate) expectedBytes(s filesystem.Capacity) int64 {
	return min(2*f.peakBytes, s.UsableBytes/maxAhead)
}

// during returns the most bytes that the disk may fill by in a time.
func (f *fillRate) during(d time.Duration) int64 {
	return int64(float64(f.peakBytes) * d.Seconds() / lookEvery.Seconds())
}

// freed sets the used bytes after a deletion, so that the deleted bytes do not reduce the growth.
func (f *fillRate) freed(s filesystem.Capacity) { f.usedBytes = s.UsedBytes() }
