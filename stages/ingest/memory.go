package ingest

import (
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/gospool/spool/pipeline/media"
)

// Units stay on the heap until the publisher has copied them. Their memory is therefore bounded, for each feed and
// for all feeds together. The bound counts memory, not bytes sent, since a NAL unit of one byte takes thirty bytes of
// memory. A unit that would pass a bound is left out (media.DropIngestMemory).
//
// When all feeds together hold too much, the feeds that hold more than their share are refused. A feed that holds
// little is never refused.

// LimitMemory bounds the memory of the units of all feeds, in bytes.
func LimitMemory(bytes int64) { allFeeds.maxBytes.Store(bytes) }

const (
	maxFeedBytes       = 96 << 20  // bytes: the largest access unit and the units held before it
	defaultTotalBytes  = 256 << 20 // bytes, of all feeds
	reportStepBytes    = 256 << 10 // bytes, step in which a feed reports its memory to the total
	maxTrackBytes      = 16 << 20  // bytes of a track's units that wait for times; beyond it they proceed without
	alwaysAllowedBytes = 1 << 20   // bytes that a feed may always hold
)

// allFeeds accounts for all feeds of the process.
var allFeeds = newMemoryTotal(defaultTotalBytes)

// memoryTotal bounds the memory of all feeds together. It is safe for concurrent use.
type memoryTotal struct{ maxBytes, heldBytes, largeFeeds atomic.Int64 }

func newMemoryTotal(bytes int64) *memoryTotal {
	t := &memoryTotal{}
	t.maxBytes.Store(bytes)
	return t
}

// feedMemory accounts for the memory of one feed. It belongs to one goroutine.
type feedMemory struct {
	total     *memoryTotal
	heldBytes int64         // bytes
	reported  *atomic.Int64 // bytes reported to the total, in steps; outlives feedMemory until the feed is collected
}

func newFeedMemory(t *memoryTotal) feedMemory { return feedMemory{total: t, reported: &atomic.Int64{}} }

// own subtracts the memory of a feed from the total when the garbage collector frees the feed.
func (m *feedMemory) own(f *Feed) {
	total := m.total
	runtime.AddCleanup(f, func(reported *atomic.Int64) { total.change(reported, 0) }, m.reported)
}

// change reports to the total the memory that a feed holds from now on.
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

// grow adds bytes to the memory of a feed (negative: releases them) and reports whether the bounds permit it.
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

// Grown accounts for the growth of a unit, complete or not, of an age in ns. It refuses a unit that takes too long to
// complete or for which there is no room.
func (t *Track) Grown(u *Unit, age int64) {
	if age > maxUnitAgeNS && u.over == "" {
		u.refuse(media.DropEndlessPicture)
	}
	t.count(u)
}

// Unended records that a unit is still incomplete at an arrival: a missing end of the picture may be the reason why
// no unit is kept.
func (t *Track) Unended(u *Unit, mono int64) {
	if mono-u.MonoNS > stallNS && t.stall.missedNS == 0 {
		t.stall.Missed(u.MonoNS, media.DropEndlessPicture, 1)
	}
}

// count accounts for the growth of a unit. It refuses a unit for which there is no room, and logs the first unit that
// passes a bound.
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

// Put takes back a unit that the caller gives to no track.
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

// Grow adds bytes (negative: releases them) that wait for the feed in another form than units. It reports whether
// there is room for them.
func (f *Feed) Grow(bytes int) bool { return f.memory.grow(bytes) }

// HeldBytes returns the memory that the feed holds.
func (f *Feed) HeldBytes() int64 { return f.memory.heldBytes }

// pendingBytes returns the memory of the units that wait for their track's place.
func (f *Feed) pendingBytes() (n int) {
	for _, t := range f.tracks {
		n += t.pendingBytes
	}
	return n
}

// memoryOf returns the memory of units, in bytes.
func memoryOf(units []*Unit) (n int) {
	for _, u := range units {
		n += u.HeldBytes()
	}
	return n
}
