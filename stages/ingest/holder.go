package ingest

import (
	"cmp"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// What a protocol that puts things in order, and sees what is missing, tells a track.

// Holder keeps data of a track back before it is a unit, as a protocol does that puts what
// comes in order. It is called by the goroutine of the feed.
type Holder interface {
	// Holding reports whether pictures wait for others that may be decoded before them.
	Holding() bool
	// Overdue hands on what has waited for long enough at a time.
	Overdue(at time.Time)
}

// HoldBack tells who keeps data of the track back, before the first unit.
func (t *Track) HoldBack(h Holder) { t.holder = h }

// MissingBefore tells that about so many units are missing before the next one, for a
// cause; an empty one stands for packets that were lost.
func (t *Track) MissingBefore(units int, cause string) {
	t.lostBefore += units
	t.lostBy = cmp.Or(t.lostBy, cause)
}

// Clock returns the time that the sender's clock shows at an arrival, ns, in ticks: by the
// newest picture whose time is in line. It reports whether there is one.
func (t *Track) Clock(mono int64) (ticks int64, known bool) {
	o := &t.outliers
	if o.base.n == 0 {
		return 0, false
	}
	last := o.base.last()
	now := max(last.pts+media.FromNanos(mono-last.mono, t.cfg.Timescale), o.base.front()+o.base.step)
	return now - o.shift.Now(), true
}
