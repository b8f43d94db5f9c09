package retention

import (
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// filling measures how fast a disk fills between looks. Chunks are written once a
// second, and those of many streams may come together: what counts is the most
// that came in one look, which fades by a tenth with each.
type filling struct {
	used  int64 // at the last look, or after what was deleted since
	grown int64 // bytes since at
	at    time.Time
	peak  int64 // bytes in one look
}

// maxAhead bounds what is kept free in advance, as a part of the disk.
const maxAhead = 8

// look measures. A first look, or one that comes after a long pause, knows nothing.
func (f *filling) look(s filesystem.Capacity, now time.Time) {
	passed := now.Sub(f.at)
	known := !f.at.IsZero() && passed > 0 && passed < 30*lookEvery
	f.grown, f.used = f.grown+s.Used()-f.used, s.Used()
	if known && passed < lookEvery { // out of turn: it does not count as a look
		f.peak = max(f.grown, f.peak)
		return
	}
	grown := int64(0)
	if known {
		grown = int64(float64(f.grown) / (passed.Seconds() / lookEvery.Seconds()))
	}
	f.grown, f.at = 0, now
	f.peak = max(grown, f.peak-f.peak/10)
}

// soon returns what the disk may fill by until the look after the next one.
func (f *filling) soon(s filesystem.Capacity) int64 { return min(2*f.peak, s.Usable/maxAhead) }

// during returns what came in so long a time, at most.
func (f *filling) during(d time.Duration) int64 {
	return int64(float64(f.peak) * d.Seconds() / lookEvery.Seconds())
}

// freed tells that room was made since the last look.
func (f *filling) freed(s filesystem.Capacity) { f.used = s.Used() }
