package retention

import (
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// fillRate measures how fast a disk fills between looks. Recorders write chunks once a second,
// and the chunks of many streams may coincide: so it keeps the largest growth within one
// look, which decays by a tenth with each look.
type fillRate struct {
	usedBytes  int64 // bytes used at the last look, or after the last deletion
	grownBytes int64 // bytes since at
	at         time.Time
	peakBytes  int64 // bytes in one look
}

// maxAhead bounds the room kept free in advance, as a divisor of the disk's size.
const maxAhead = 8

// look measures the growth. The first look, and a look after a long pause, measure none.
func (f *fillRate) look(s filesystem.Capacity, now time.Time) {
	passed := now.Sub(f.at)
	known := !f.at.IsZero() && passed > 0 && passed < 30*lookEvery
	f.grownBytes, f.usedBytes = f.grownBytes+s.UsedBytes()-f.usedBytes, s.UsedBytes()
	if known && passed < lookEvery { // an extra look, which does not start a new period
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

// expectedBytes returns the bytes that may be written until the look after the next one.
func (f *fillRate) expectedBytes(s filesystem.Capacity) int64 {
	return min(2*f.peakBytes, s.UsableBytes/maxAhead)
}

// during returns the most bytes that may be written in a time.
func (f *fillRate) during(d time.Duration) int64 {
	return int64(float64(f.peakBytes) * d.Seconds() / lookEvery.Seconds())
}

// freed adopts the use of the disk after a deletion.
func (f *fillRate) freed(s filesystem.Capacity) { f.usedBytes = s.UsedBytes() }
