package retention

import (
	"math"
	"os"
	"time"

	"github.com/gospool/spool/pipeline/wallclock"
)

// dates assigns dates to files whose own dates cannot be right, because they were written
// while the clock was wrong, or by a machine with a wrong clock.
//
//	before Plausible, or more than a day ahead of a believed clock
//	                          the modification time; if that cannot be right either,
//	                          the time at which a believed clock first saw the file,
//	                          which stamp writes into the modification time
//	written while this process's clock was wrong
//	                          the time at which a believed clock first saw the file
//	unknown so far            newer than every other file
//
// So such a file never makes another one old, is never deleted first because of its date, and
// never stays for ever.
type dates struct {
	clock wallclock.Reading
	// firstSeenUTC holds the files written under a wrong clock, by path, with the time at which a
	// believed clock first saw them: UTC ns, 0 before that.
	firstSeenUTC map[string]int64
}

// farAhead is how far a file's own end may be ahead of the clock: a source that is read faster
// than real time can be hours ahead.
const farAhead = 24 * time.Hour

func (d *dates) plausible(ns int64) bool {
	return ns >= wallclock.Plausible.UnixNano() &&
		(!d.clock.Believed() || ns <= d.clock.Now.Add(farAhead).UnixNano())
}

// date sets an item's date; it keeps an earlier date that stamp is yet to write.
func (d *dates) date(it *Item) {
	was := it.DatedUTC
	it.DatedUTC, it.undated, it.stampDue = 0, false, false
	seen, wrong := d.firstSeenUTC[it.Path]
	switch {
	case it.Kind == Growing || it.Kind == Foreign:
	case wrong && !d.clock.Believed():
		it.undated = true
	case wrong:
		if seen == 0 {
			seen = d.clock.Now.UnixNano()
			d.firstSeenUTC[it.Path] = seen
		}
		it.DatedUTC = seen
	case d.plausible(it.EndUTC):
	case d.plausible(it.changedUTC):
		it.DatedUTC = it.changedUTC
	case !d.clock.Believed():
		it.undated = true
	default:
		if it.DatedUTC, it.stampDue = was, true; was == 0 {
			it.DatedUTC = d.clock.Now.UnixNano()
		}
	}
}

// markWrong records that a file was written under a wrong clock.
func (d *dates) markWrong(path string) {
	if d.clock.State == wallclock.Wrong {
		d.firstSeenUTC[path] = 0
	}
}

// stamp writes the assigned date into the modification time of files that have no other valid
// date, so that it survives a restart. A file for which that fails gets a new date then.
func (s *index) stamp() {
	for _, it := range s.items {
		info, err := os.Lstat(s.path(it.Path))
		if !it.stampDue || err != nil || !info.Mode().IsRegular() || !s.direct(it.Path) {
			continue
		}
		at := time.Unix(0, it.DatedUTC)
		if s.root.Chtimes(it.Path, at, at) == nil {
			it.changedUTC, it.stampDue = it.DatedUTC, false
		}
	}
}

// ended returns when an item ended, UTC ns; the largest value if that is unknown.
func (it *Item) ended() int64 {
	switch {
	case it.undated:
		return math.MaxInt64
	case it.DatedUTC != 0:
		return it.DatedUTC
	}
	return it.EndUTC
}

// began returns the time that items are ordered by, UTC ns.
func (it *Item) began() int64 {
	if it.undated || it.DatedUTC != 0 {
		return it.ended()
	}
	return it.StartUTC
}

// age returns the time since an item ended, 0 if its end is ahead of the clock.
func (it *Item) age(now time.Time) time.Duration {
	return time.Duration(max(now.UnixNano()-min(it.ended(), now.UnixNano()), 0))
}

// newest returns the latest end, before upTo (UTC ns), of a recording whose modification time
// confirms it: the real time is at least that.
func (s *index) newest(upTo int64) (path string, at time.Time) {
	newest := int64(0)
	for _, it := range s.items {
		if it.Kind != Footage && it.Kind != Event || it.undated || it.DatedUTC != 0 {
			continue
		}
		if ns := min(it.EndUTC, it.changedUTC); ns > newest && ns < upTo {
			path, newest = it.Path, ns
		}
	}
	return path, time.Unix(0, newest)
}
