package stages

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// The times of held chunks are converted to the present wall clock: after the clock was set, a
// chunk has the same age as before. A chunk is split where a recording begins or ends at a GOP
// inside it.

// beginUTC returns the time at which a chunk begins, in ns of UTC on the present clock.
func (g *gopGate) beginUTC(c *media.Chunk) int64 { return g.wall.begin(c) }

// endUTC returns the time at which a chunk's media ends, in ns of UTC on the present clock.
func (g *gopGate) endUTC(c *media.Chunk) int64 { return g.wall.begin(c) + c.LastedNS() }

// gopFrom returns the last GOP of a chunk that begins at or before utc (ns), as the index of its
// first access unit in the lead track. It returns 0, the begin of the chunk, for a mark and if utc
// is before all GOPs.
func (g *gopGate) gopFrom(c *media.Chunk, utc int64) int {
	if c.Mark != nil {
		return 0
	}
	return c.GOPFrom(utc - g.beginUTC(c) + c.UTC)
}

// gopUntil returns the first GOP inside a chunk that begins at or after utc (ns), as the index of
// its first access unit in the lead track. A GOP that begins with the chunk does not count.
// gopUntil returns -1 for a mark, and for a chunk without such a GOP.
func (g *gopGate) gopUntil(c *media.Chunk, utc int64) int {
	if c.Mark != nil {
		return -1
	}
	return c.GOPUntil(utc - g.beginUTC(c) + c.UTC)
}

// split divides a chunk before access unit at of the lead track, where a GOP begins. If at is 0 or
// less, it returns the whole chunk and nil.
func split(c *media.Chunk, at int) (first, rest *media.Chunk) {
	if at <= 0 {
		return c, nil
	}
	return c.Split(at)
}

// keyFrame returns the index of the newest held chunk that begins with a key frame at or before
// utc, or -1 if there is none.
func (g *gopGate) keyFrame(utc int64) int {
	for i := g.held.Len() - 1; i >= 0; i-- {
		if c := g.held.At(i); c.StartsGOP && g.beginUTC(c) <= utc {
			return i
		}
	}
	return -1
}

// oldestHeld returns the time at which the oldest held chunk begins, in ns of UTC. ok is false if
// no chunk is held.
func (g *gopGate) oldestHeld() (utc int64, ok bool) {
	for i := range g.held.Len() {
		if c := g.held.At(i); c.Mark == nil {
			return g.beginUTC(c), true
		}
	}
	return 0, false
}

// span returns the time from the begin of the oldest held chunk to the end of the newest chunk; 0
// if no chunk is held.
func (g *gopGate) span() time.Duration {
	utc, ok := g.oldestHeld()
	if !ok {
		return 0
	}
	return time.Duration(g.newestUTC - utc)
}
