package retention

import (
	"math"
	"os"
	"time"

	"github.com/gospool/spool/pipeline/wallclock"
)

// dates tells when files ended where their own word cannot be right: they were made
// while the clock was wrong, or by a machine whose clock was.
//
//	before Plausible, or a day ahead of a believed clock
//	                          the time of the last modification; where that cannot
//	                          be right either, when a believed clock first saw it,
//	                          which is then written there
//	made while the clock of this process was wrong
//	                          when a believed clock first saw it
//	neither is known yet      newest of all
//
// So no such file makes another one old, goes first for its date, or stays for ever.
type dates struct {
	clock wallclock.Reading
	made  map[string]int64 // paths of files that a wrong clock has dated; ns, when a believed one saw them, 0: not yet
}

// farAhead is how far a file's own end may be ahead: sources that are read faster
// than they were made come to hours.
const farAhead = 24 * time.Hour

func (d *dates) plausible(ns int64) bool {
	return ns >= wallclock.Plausible.UnixNano() &&
		(!d.clock.Believed() || ns <= d.clock.Now.Add(farAhead).UnixNano())
}

// date gives an item its date, from what it was before.
func (d *dates) date(it *Item) {
	was := it.Dated
	it.Dated, it.undated, it.stampDue = 0, false, false
	seen, wrong := d.made[it.Path]
	switch {
	case it.Kind == Growing || it.Kind == Foreign:
	case wrong && !d.clock.Believed():
		it.undated = true
	case wrong:
		if seen == 0 {
			seen = d.clock.Now.UnixNano()
			d.made[it.Path] = seen
		}
		it.Dated = seen
	case d.plausible(it.EndUTC):
	case d.plausible(it.changed):
		it.Dated = it.changed
	case !d.clock.Believed():
		it.undated = true
	default:
		if it.Dated, it.stampDue = was, true; was == 0 {
			it.Dated = d.clock.Now.UnixNano()
		}
	}
}

// wrongly notes that a file was made under a wrong clock.
func (d *dates) wrongly(path string) {
	if d.clock.State == wallclock.Wrong {
		d.made[path] = 0
	}
}

// stamp writes the date into the modification time of those that have no other, so
// that it is known after a restart. One where that cannot be done begins anew then.
func (s *index) stamp() {
	for _, it := range s.items {
		info, err := os.Lstat(s.path(it.Path))
		if !it.stampDue || err != nil || !info.Mode().IsRegular() || !s.direct(it.Path) {
			continue
		}
		at := time.Unix(0, it.Dated)
		if s.root.Chtimes(it.Path, at, at) == nil {
			it.changed, it.stampDue = it.Dated, false
		}
	}
}

// ended returns when an item ended, ns; the end of time where that is not known.
func (it *Item) ended() int64 {
	switch {
	case it.undated:
		return math.MaxInt64
	case it.Dated != 0:
		return it.Dated
	}
	return it.EndUTC
}

// began returns what items are ordered by.
func (it *Item) began() int64 {
	if it.undated || it.Dated != 0 {
		return it.ended()
	}
	return it.StartUTC
}

// age is never negative: what is ahead of the clock is new.
func (it *Item) age(now time.Time) time.Duration {
	return time.Duration(max(now.UnixNano()-min(it.ended(), now.UnixNano()), 0))
}

// newest returns the newest proof of the time among the items up to a moment: what was
// recorded was also written then.
func (s *index) newest(upTo int64) (path string, at time.Time) {
	newest := int64(0)
	for _, it := range s.items {
		if it.Kind != Footage && it.Kind != Event || it.undated || it.Dated != 0 {
			continue
		}
		if ns := min(it.EndUTC, it.changed); ns > newest && ns < upTo {
			path, newest = it.Path, ns
		}
	}
	return path, time.Unix(0, newest)
}
