package ingest

import (
	"cmp"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// A protocol that reorders packets, and notices the missing ones, informs its track by these methods.

// Holder holds data of a track before it becomes a unit: a protocol that reorders packets implements it. The feed's
// goroutine calls it.
type Holder interface {
	// Holding reports whether pictures wait for others that may be decoded before them.
	Holding() bool
	// Overdue passes on the data that has waitedNS for long enough at a time.
	Overdue(at time.Time)
}

// HoldBack sets the Holder of a track, before the first unit.
func (t *Track) HoldBack(h Holder) { t.holder = h }

// MissingBefore records that about so many units are missing before the next one. An empty cause stands for lost
// packets.
func (t *Track) MissingBefore(units int, cause string) {
	t.lostBefore += units
	t.lostBy = cmp.Or(t.lostBy, cause)
}

// Clock returns the sender's clock, in ticks, at an arrival, ns, by the newest picture whose time is no outlier. It
// reports whether there is such a picture.
func (t *Track) Clock(mono int64) (ticks int64, known bool) {
	o := &t.outliers
	if o.base.n == 0 {
		return 0, false
	}
	last := o.base.last()
	now := max(last.ptsTicks+media.FromNanos(mono-last.monoNS, t.cfg.Timescale), o.base.front()+o.base.stepTicks)
	return now - o.shift.Now(), true
}
