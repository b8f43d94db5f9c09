package stages

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// The times of held chunks follow the wall clock as it is now: when the clock is set, a chunk keeps
// its age. A chunk is split where a recording begins or ends at a GOP inside it.

// beginUTC returns the time at which a chunk begins, in ns.
func (g *gopGate) beginUTC(c *media.Chunk) int64 { return g.wall.begin(c) }

// endUTC returns the time at which a chunk's media ends, in ns.
func (g *gopGate) endUTC(c *media.Chunk) int64 { return g.wall.begin(c) + c.LastedNS() }

// gopFrom returns the index of the newest GOP in a chunk that begins at or before a time (ns), 0
// for the chunk's own begin.
func (g *gopGate) gopFrom(c *media.Chunk, utc int64) int {
	if c.Mark != nil {
		return 0
	}
	return c.GOPFrom(utc - g.beginUTC(c) + c.UTC)
}

// gopUntil returns the index of the first GOP behind a chunk's begin that begins at or after a time
// (ns), -1 without one.
func (g *gopGate) gopUntil(c *media.Chunk, utc int64) int {
	if c.Mark != nil {
		return -1
	}
	return c.GOPUntil(utc - g.beginUTC(c) + c.UTC)
}

// split divides a chunk at the access unit at, where a GOP begins. rest is nil when at is 0 or
// less.
func split(c *media.Chunk, at int) (first, rest *media.Chunk) {
	if at <= 0 {
		return c, nil
	}
	return c.Split(at)
}

// keyFrame returns the index of the newest held chunk that begins with a GOP at or before a time
// (ns), -1 without one.
func (g *gopGate) keyFrame(utc int64) int {
	for i := g.held.Len() - 1; i >= 0; i-- {
		if c := g.held.At(i); c.StartsGOP && g.beginUTC(c) <= utc {
			return i
		}
	}
	return -1
}

// oldestHeld returns the time at which the oldest held media begins, in ns. ok is false without
// any.
func (g *gopGate) oldestHeld() (utc int64, ok bool) {
	for i := range g.held.Len() {
		if c := g.held.At(i); c.Mark == nil {
			return g.beginUTC(c), true
		}
	}
	return 0, false
}

// span returns the duration of the held media, up to the end of the newest chunk.
func (g *gopGate) span() time.Duration {
	utc, ok := g.oldestHeld()
	if !ok {
		return 0
	}
	return time.Duration(g.newestUTC - utc)
}
