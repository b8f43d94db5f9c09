package ingest

import (
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/gospool/spool/pipeline/media"
)

// Units lie in the heap until the publisher has copied them, so that what feeds hold
// is bounded, of each and of all together: by what it takes, not by the bytes that
// were sent, since a NAL unit of one byte takes thirty. A unit that would pass a
// bound is left out (media.DropIngestMemory).
//
// When all together hold too much, those are refused that hold more than their
// share. A feed that holds little is never refused, whatever others do.

// LimitMemory bounds the memory of the units of all feeds, in bytes.
func LimitMemory(bytes int64) { everyone.max.Store(bytes) }

const (
	maxFeedMemory = 96 << 20  // bytes: an access unit of the largest size, and what is held before it
	defaultMemory = 256 << 20 // bytes, of all feeds
	memoryStep    = 256 << 10 // bytes in which feeds tell what they hold
	heldMemory    = 16 << 20  // bytes that wait for times, of a track; then they go on without
	littleMemory  = 1 << 20   // bytes that a feed may hold whatever others do
)

// everyone is the feeds of the process.
var everyone = newCrowd(defaultMemory)

// crowd bounds what feeds hold together. It is safe for concurrent use.
type crowd struct{ max, held, large atomic.Int64 }

func newCrowd(bytes int64) *crowd {
	c := &crowd{}
	c.max.Store(bytes)
	return c
}

// share is what a feed holds. It is for one goroutine.
type share struct {
	crowd *crowd
	held  int64         // bytes
	told  *atomic.Int64 // bytes that the crowd knows of, in steps; it goes with the feed
}

func newShare(c *crowd) share { return share{crowd: c, told: &atomic.Int64{}} }

// own gives back what a feed still holds when the collector takes it.
func (s *share) own(f *Feed) {
	c := s.crowd
	runtime.AddCleanup(f, func(told *atomic.Int64) { c.change(told, 0) }, s.told)
}

// change tells what a feed holds from now on.
func (c *crowd) change(told *atomic.Int64, to int64) {
	was := told.Swap(to)
	c.held.Add(to - was)
	switch {
	case was <= littleMemory && to > littleMemory:
		c.large.Add(1)
	case was > littleMemory && to <= littleMemory:
		c.large.Add(-1)
	}
}

// grow counts what more a feed holds, or less, and reports whether it may.
func (s *share) grow(bytes int) bool {
	s.held += int64(bytes)
	told := s.told.Load()
	if s.held > told || s.held <= told-2*memoryStep {
		told = (s.held + memoryStep - 1) / memoryStep * memoryStep
		s.crowd.change(s.told, told)
	}
	if bytes <= 0 || told <= littleMemory {
		return true
	}
	most := s.crowd.max.Load()
	return told <= maxFeedMemory && (s.crowd.held.Load() <= most || told <= most/s.crowd.large.Load())
}

// Grown counts what a unit takes that has grown, be it full or not, of an age in ns. A
// unit that is filled for too long, or for which there is no room, is refused.
func (t *Track) Grown(u *Unit, age int64) {
	if age > maxUnitAge && u.over == "" {
		u.refuse(media.DropEndlessPicture)
	}
	t.count(u)
}

// Unended tells that a unit is still being filled, at an arrival: that nothing ends a
// picture may be why nothing is kept.
func (t *Track) Unended(u *Unit, mono int64) {
	if mono-u.Mono > unkept && t.vigil.missed == 0 {
		t.vigil.Missed(u.Mono, media.DropEndlessPicture, 1)
	}
}

// count takes in what a unit has grown by. A unit for which there is no room is
// refused. That it passed this bound, or another, is said.
func (t *Track) count(u *Unit) {
	f := t.feed
	if n := u.HeldBytes(); n != u.counted {
		grown := n - u.counted
		if u.counted = n; !f.memory.grow(grown) {
			u.refuse(media.DropIngestMemory)
			n = u.HeldBytes()
			f.memory.grow(n - u.counted)
			u.counted = n
		}
	}
	if u.over == "" || u.told {
		return
	}
	u.told = true
	t.Lost(u.over, 1)
	if !slices.Contains(t.passed, u.over) {
		t.passed = append(t.passed, u.over)
		f.log.Warn("an access unit passed a bound: it is left out, and what follows it is taken",
			"codec", t.cfg.Codec.String(), "cause", u.over, "remedy", remedies[u.over])
	}
}

// Put takes a unit back that is handed to no track.
func (f *Feed) Put(u *Unit) {
	f.memory.grow(-u.counted)
	u.counted = 0
	f.units.put(u)
}

func (f *Feed) putAll(units []*Unit) {
	for _, u := range units {
		f.Put(u)
	}
}

// Grow counts so many bytes more, or less, that wait for the feed in another form than
// that of units. It reports whether there is room for them.
func (f *Feed) Grow(bytes int) bool { return f.memory.grow(bytes) }

// HeldBytes returns the memory of what the feed holds.
func (f *Feed) HeldBytes() int64 { return f.memory.held }

// pendingBytes returns the memory of what waits for its place.
func (f *Feed) pendingBytes() (n int) {
	for _, t := range f.tracks {
		n += t.pendingBytes
	}
	return n
}

// memoryOf returns what units take, in bytes.
func memoryOf(units []*Unit) (n int) {
	for _, u := range units {
		n += u.HeldBytes()
	}
	return n
}
