package ingest

import (
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/gospool/spool/pipeline/media"
)

// Units are in memory until the publisher has copied them. So their memory is bounded, for each feed and for all
// feeds together. The bound counts memory, not bytes sent: a NAL unit of one byte takes about thirty bytes. A unit
// that would exceed a bound is left out (media.DropIngestMemory).
//
// When all feeds together reach their bound, units of the feeds that hold more than their share are left out. The share
// is the bound divided by the number of feeds that hold more than alwaysAllowedBytes. A feed that holds less than that
// is never affected.

// LimitMemory sets the bound, in bytes, of the memory of the units of all feeds together.
func LimitMemory(bytes int64) { allFeeds.maxBytes.Store(bytes) }

const (
	maxFeedBytes       = 96 << 20  // of one feed: room for the largest access unit and the units held before it
	defaultTotalBytes  = 256 << 20 // of all feeds together, unless LimitMemory is called
	reportStepBytes    = 256 << 10 // a feed reports its memory to the total in steps of this size
	maxTrackBytes      = 16 << 20  // of a track's units that wait for times; beyond it they wait no longer
	alwaysAllowedBytes = 1 << 20   // a feed may always hold this much
)

// allFeeds counts the memory of all feeds of the process.
var allFeeds = newMemoryTotal(defaultTotalBytes)

// memoryTotal counts and bounds the memory of all feeds together. largeFeeds is the number of feeds that hold more than
// alwaysAllowedBytes. It is safe for concurrent use.
type memoryTotal struct{ maxBytes, heldBytes, largeFeeds atomic.Int64 }

func newMemoryTotal(bytes int64) *memoryTotal {
	t := &memoryTotal{}
	t.maxBytes.Store(bytes)
	return t
}

// feedMemory counts the memory of one feed. It belongs to the feed's goroutine.
type feedMemory struct {
	total     *memoryTotal
	heldBytes int64         // memory that the feed holds
	reported  *atomic.Int64 // bytes that the total counts for the feed; they count until the feed is collected
}

func newFeedMemory(t *memoryTotal) feedMemory { return feedMemory{total: t, reported: &atomic.Int64{}} }

// own makes the garbage collector subtract the feed's memory from the total when it frees the feed.
func (m *feedMemory) own(f *Feed) {
	total := m.total
	runtime.AddCleanup(f, func(reported *atomic.Int64) { total.change(reported, 0) }, m.reported)
}

// change sets the bytes that the total counts for one feed. reported holds the number counted so far, and change
// sets it to the new number, to.
func (t *memoryTotal) change(reported *atomic.Int64, to int64) {
	was := reported.Swap(to)
	t.heldBytes.Add(to - was)
	switch {
	case was <= alwaysAllowedBytes && to > alwaysAllowedBytes:
		t.largeFeeds.Add(1)
	case was > alwaysAllowedBytes && to <= alwaysAllowedBytes:
		t.largeFeeds.Add(-1)
	}
}

// grow adds bytes to the feed's memory; a negative number releases them. It reports whether the bounds of the feed
// and of the total allow the memory. The bytes count in either case: if grow returns false, the caller frees the
// memory and releases the bytes.
func (m *feedMemory) grow(bytes int) bool {
	m.heldBytes += int64(bytes)
	reported := m.reported.Load()
	if m.heldBytes > reported || m.heldBytes <= reported-2*reportStepBytes {
		reported = (m.heldBytes + reportStepBytes - 1) / reportStepBytes * reportStepBytes
		m.total.change(m.reported, reported)
	}
	if bytes <= 0 || reported <= alwaysAllowedBytes {
		return true
	}
	most := m.total.maxBytes.Load()
	return reported <= maxFeedBytes && (m.total.heldBytes.Load() <= most || reported <= most/m.total.largeFeeds.Load())
}

// Grown counts the growth of unit u in the memory of the feed. u may be incomplete; its first data arrived age ns
// ago. Grown refuses the unit (see Unit.Refused) if the unit is older than maxUnitAgeNS, or if there is no room in
// memory for it.
func (t *Track) Grown(u *Unit, age int64) {
	if age > maxUnitAgeNS && u.over == "" {
		u.refuse(media.DropEndlessPicture)
	}
	t.count(u)
}

// Unended records that unit u is still incomplete at mono, ns of the steady clock. If data has arrived for more than
// stallNS since u began, without a pause of all tracks (pauseNS), Unended passes u to the stall detector as missed
// because its picture has no end. It does not do so if the detector has counted a missed unit since the last kept one.
func (t *Track) Unended(u *Unit, mono int64) {
	if since := max(u.MonoNS, t.feed.flowsNS); mono-since > stallNS && t.stall.missedNS == 0 {
		t.stall.Missed(since, media.DropEndlessPicture, 1)
	}
}

// count counts the growth of a unit. It refuses a unit for which there is no room, and logs the first unit that
// exceeds each bound.
func (t *Track) count(u *Unit) {
	f := t.feed
	if n := u.HeldBytes(); n != u.countedBytes {
		grown := n - u.countedBytes
		if u.countedBytes = n; !f.memory.grow(grown) {
			u.refuse(media.DropIngestMemory)
			n = u.HeldBytes()
			f.memory.grow(n - u.countedBytes)
			u.countedBytes = n
		}
	}
	if u.over == "" || u.refusalLogged {
		return
	}
	u.refusalLogged = true
	t.Lost(u.over, 1)
	if !slices.Contains(t.passed, u.over) {
		t.passed = append(t.passed, u.over)
		f.log.Warn("an access unit passed a bound and is left out; the next one is recorded",
			"codec", t.cfg.Codec.String(), "cause", u.over, "remedy", remedies[u.over])
	}
}

// Put returns a unit to the pool, and releases its memory from the feed. The caller uses it for a unit that it
// passes to no track.
func (f *Feed) Put(u *Unit) {
	f.memory.grow(-u.countedBytes)
	u.countedBytes = 0
	f.units.put(u)
}

func (f *Feed) putAll(units []*Unit) {
	for _, u := range units {
		f.Put(u)
	}
}

// Grow counts bytes that wait for the feed in another form than units; a negative number releases them. It reports
// whether there is room for them. They count in either case: after false the caller drops the data and releases them.
func (f *Feed) Grow(bytes int) bool { return f.memory.grow(bytes) }

// HeldBytes returns the memory that the feed holds.
func (f *Feed) HeldBytes() int64 { return f.memory.heldBytes }

// pendingBytes returns the bytes of memory of the pending units of all tracks: units that wait until their track
// has a place on the time line.
func (f *Feed) pendingBytes() (n int) {
	for _, t := range f.tracks {
		n += t.pendingBytes
	}
	return n
}

// memoryOf returns the bytes of memory of units.
func memoryOf(units []*Unit) (n int) {
	for _, u := range units {
		n += u.HeldBytes()
	}
	return n
}
