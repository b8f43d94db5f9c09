package stages

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// What is held is told by the wall clock as it is now: when the clock is set, a chunk is
// as old as it was before. It is parted where a recording begins or ends with a GOP in
// it.

// beginUTC returns when a chunk begins, ns.
func (g *gopGate) beginUTC(c *media.Chunk) int64 { return g.wall.begin(c) }

// endUTC returns when its media ends, ns.
func (g *gopGate) endUTC(c *media.Chunk) int64 { return g.wall.begin(c) + c.Lasted() }

// gopFrom returns the newest GOP in a chunk that begins at or before a time, ns; 0 where that
// is the chunk itself.
func (g *gopGate) gopFrom(c *media.Chunk, utc int64) int {
	if c.Mark != nil {
		return 0
	}
	return c.GOPFrom(utc - g.beginUTC(c) + c.UTC)
}

// gopUntil returns the first GOP behind a chunk's begin that begins at or after a time, ns; -1
// where none does.
func (g *gopGate) gopUntil(c *media.Chunk, utc int64) int {
	if c.Mark != nil {
		return -1
	}
	return c.GOPUntil(utc - g.beginUTC(c) + c.UTC)
}

// split parts a chunk where a GOP begins in it. rest is nil where at is no such place.
func split(c *media.Chunk, at int) (first, rest *media.Chunk) {
	if at <= 0 {
		return c, nil
	}
	return c.Split(at)
}

// keyFrame finds the newest chunk that is held and begins with a GOP at or before a time,
// ns; -1 where there is none.
func (g *gopGate) keyFrame(utc int64) int {
	for i := g.held.Len() - 1; i >= 0; i-- {
		if c := g.held.At(i); c.StartsGOP && g.beginUTC(c) <= utc {
			return i
		}
	}
	return -1
}

// oldestHeld returns when the media begins that is held, ns; not ok where none is.
func (g *gopGate) oldestHeld() (utc int64, ok bool) {
	for i := range g.held.Len() {
		if c := g.held.At(i); c.Mark == nil {
			return g.beginUTC(c), true
		}
	}
	return 0, false
}

// span returns how long what is held lasts: up to the end of the newest chunk that came.
func (g *gopGate) span() time.Duration {
	utc, ok := g.oldestHeld()
	if !ok {
		return 0
	}
	return time.Duration(g.end - utc)
}
