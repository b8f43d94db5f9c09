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
func LimitMemory(bytes int64) { everyone.max.Store(bytes) }

const (
	maxFeedMemory = 96 << 20  // bytes: the largest access unit and the units held before it
	defaultMemory = 256 << 20 // bytes, of all feeds
	memoryStep    = 256 << 10 // bytes, step in which a feed reports its memory to the crowd
	heldMemory    = 16 << 20  // bytes of a track's units that wait for times; beyond it they proceed without
	littleMemory  = 1 << 20   // bytes that a feed may always hold
)

// everyone accounts for all feeds of the process.
var everyone = newCrowd(defaultMemory)

// crowd bounds the memory of all feeds together. It is safe for concurrent use.
type crowd struct{ max, held, large atomic.Int64 }

func newCrowd(bytes int64) *crowd {
	c := &crowd{}
	c.max.Store(bytes)
	return c
}

// share accounts for the memory of one feed. It belongs to one goroutine.
type share struct {
	crowd *crowd
	held  int64         // bytes
	told  *atomic.Int64 // bytes reported to the crowd, in steps; outlives the share until the feed is collected
}

func newShare(c *crowd) share { return share{crowd: c, told: &atomic.Int64{}} }

// own returns the memory of a feed to the crowd when the garbage collector frees the feed.
func (s *share) own(f *Feed) {
	c := s.crowd
	runtime.AddCleanup(f, func(told *atomic.Int64) { c.change(told, 0) }, s.told)
}

// change reports to the crowd the memory that a feed holds from now on.
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

// grow adds bytes to the memory of a feed (negative: releases them) and reports whether the bounds permit it.
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

// Grown accounts for the growth of a unit, complete or not, of an age in ns. It refuses a unit that takes too long to
// complete or for which there is no room.
func (t *Track) Grown(u *Unit, age int64) {
	if age > maxUnitAge && u.over == "" {
		u.refuse(media.DropEndlessPicture)
	}
	t.count(u)
}

// Unended records that a unit is still incomplete at an arrival: a missing end of the picture may be the reason why
// no unit is kept.
func (t *Track) Unended(u *Unit, mono int64) {
	if mono-u.Mono > unkept && t.vigil.missed == 0 {
		t.vigil.Missed(u.Mono, media.DropEndlessPicture, 1)
	}
}

// count accounts for the growth of a unit. It refuses a unit for which there is no room, and logs the first unit that
// passes a bound.
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

// Put takes back a unit that the caller gives to no track.
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

// Grow adds bytes (negative: releases them) that wait for the feed in another form than units. It reports whether
// there is room for them.
func (f *Feed) Grow(bytes int) bool { return f.memory.grow(bytes) }

// HeldBytes returns the memory that the feed holds.
func (f *Feed) HeldBytes() int64 { return f.memory.held }

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
