package retention

import (
	"math"
	"os"
	"time"

	"github.com/gospool/spool/pipeline/wallclock"
)

// dates assigns a date to each file whose own date cannot be right, because it was written while the
// clock was wrong, or by a machine with a wrong clock. The own date is the end of the recording as the
// file describes it. A clock is believed if wallclock.Reading.Believed returns true.
//
//	the own date                                 the assigned date
//
//	is before wallclock.Plausible, or more       the modification time; if that cannot be right
//	than a day ahead of a believed clock         either, the time at which the file was first seen
//	                                             while the clock was believed. stamp then writes
//	                                             that time into the modification time
//	was written by this process while its        the time at which the file was first seen while
//	clock was wrong                              the clock was believed
//
// Until it has an assigned date, such a file counts as newer than every other file. So a wrong date
// never makes other files appear old, never makes its file the first to be deleted, and never keeps
// its file for ever.
type dates struct {
	clock wallclock.Reading // reading of the clock for the current look of the keeper
	// firstSeenUTC holds, by path, the files that this process wrote while its clock was wrong. The
	// value is the time at which a file was first seen while the clock was believed, UTC ns; 0: not yet.
	firstSeenUTC map[string]int64
}

// farAhead is the longest time by which a file's own date may be ahead of a believed clock: the
// recording of a source that is read faster than real time can end hours ahead.
const farAhead = 24 * time.Hour

// plausible reports whether a time (UTC ns) can be the date of a file.
func (d *dates) plausible(ns int64) bool {
	return ns >= wallclock.Plausible.UnixNano() &&
		(!d.clock.Believed() || ns <= d.clock.Now.Add(farAhead).UnixNano())
}

// date assigns a date to an item by the table at the type dates: it sets DatedUTC, undated and
// stampDue. If stamp has not yet written an earlier DatedUTC to the file, the item keeps that DatedUTC.
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

// markWrong records a file in firstSeenUTC, as written while the clock was wrong, if the clock is
// wrong now.
func (d *dates) markWrong(path string) {
	if d.clock.State == wallclock.Wrong {
		d.firstSeenUTC[path] = 0
	}
}

// stamp writes DatedUTC of each item with stampDue into the file's modification time, so that the
// date survives a restart. If that fails, the file gets another date after the restart.
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

// ended returns the end of an item, UTC ns: its own or its assigned date, or the largest value if
// the date is unknown.
func (it *Item) ended() int64 {
	switch {
	case it.undated:
		return math.MaxInt64
	case it.DatedUTC != 0:
		return it.DatedUTC
	}
	return it.EndUTC
}

// began returns the time by which items are ordered, UTC ns: the start, or the end if the item's own
// dates cannot be right.
func (it *Item) began() int64 {
	if it.undated || it.DatedUTC != 0 {
		return it.ended()
	}
	return it.StartUTC
}

// age returns the time from the end of an item to now. It returns 0 if the end is later than now or
// unknown.
func (it *Item) age(now time.Time) time.Duration {
	return time.Duration(max(now.UnixNano()-min(it.ended(), now.UnixNano()), 0))
}

// newest returns the path of the finished recording with the latest end before upTo (UTC ns), and
// that end. For each recording it uses the earlier of its own end and its modification time, since
// either may be wrong: the real time is at least the result. path is empty if there is no such
// recording.
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
