package ingest

import (
	"cmp"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// A protocol that reorders packets, and so finds out that packets are missing, uses the methods of this file.

// Holder holds the packets of a track back before they become a unit. A protocol that reorders packets implements
// it. The feed's goroutine calls it.
type Holder interface {
	// Holding reports whether pictures are held until others, which may be decoded before them, have arrived.
	Holding() bool
	// Overdue stops holding the data that, at the given time, has been held for long enough.
	Overdue(at time.Time)
}

// HoldBack sets the Holder of the track. The caller calls it before the first unit.
func (t *Track) HoldBack(h Holder) { t.holder = h }

// MissingBefore records that about so many units are missing before the next unit. An empty cause means lost
// packets.
func (t *Track) MissingBefore(units int, cause string) {
	t.lostBefore += units
	t.lostBy = cmp.Or(t.lostBy, cause)
}

// Clock returns the time of the sender's clock, in ticks, at an arrival of mono ns. It computes that from the
// newest picture whose time is no outlier; known is false if there is none.
func (t *Track) Clock(mono int64) (ticks int64, known bool) {
	o := &t.outliers
	if o.base.n == 0 {
		return 0, false
	}
	last := o.base.last()
	now := max(last.ptsTicks+media.FromNanos(mono-last.monoNS, t.cfg.Timescale), o.base.front()+o.base.stepTicks)
	return now - o.shift.Now(), true
}
