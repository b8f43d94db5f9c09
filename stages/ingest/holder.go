package ingest

import (
	"cmp"

	"github.com/gospool/spool/pipeline/media"
)

// This file holds the interface and the methods for a protocol that reorders packets, and so detects missing packets.

// Holder holds the packets of a track back before they become a unit. A protocol that reorders packets implements
// it. The feed's goroutine calls it.
type Holder interface {
	// Holding reports whether the track's first data is held until other data, which may precede it, has arrived, or
	// whether pictures are held until pictures that are decoded before them have arrived.
	Holding() bool
	// Overdue releases the data that has been held for long enough. The feed calls it when data of any track arrives, but
	// at most once a second.
	Overdue()
}

// HoldBack sets the Holder of the track. The caller calls it before the first unit.
func (t *Track) HoldBack(h Holder) { t.holder = h }

// MissingBefore records that about so many units are missing before the next unit. cause is a drop cause of package
// media; an empty one means lost packets.
func (t *Track) MissingBefore(units int, cause string) {
	t.lostBefore += units
	t.lostBy = cmp.Or(t.lostBy, cause)
}

// Clock returns the expected time of the sender's clock, in ticks, for data that arrives at mono, ns of the steady
// clock. It computes this time from the newest picture whose time is certain. known is false without such a picture, so
// always for a codec without NAL units.
func (t *Track) Clock(mono int64) (ticks int64, known bool) {
	o := &t.outliers
	if o.base.n == 0 {
		return 0, false
	}
	last := o.base.last()
	now := max(last.ptsTicks+media.FromNanos(mono-last.monoNS, t.cfg.Timescale), o.base.front()+o.base.stepTicks)
	return now - o.shift.Now(), true
}
