package stages

import (
	"slices"

	"github.com/gospool/spool/pipeline/media"
)

// heldChunk is a chunk with its wall clock as it is now: when the clock is set,
// what is held is as old as it was before. It is parted where a recording begins or
// ends with a GOP in it.
type heldChunk struct {
	*media.Chunk
	utc int64 // ns
	end int64 // ns, utc of its end
}

func (g *gopGate) newHeld(c *media.Chunk) heldChunk {
	begin := g.wall.begin(c)
	return heldChunk{Chunk: c, utc: begin, end: begin + c.Lasted()}
}

// gopFrom is the newest GOP in the chunk that begins at or before a time, ns UTC as
// it is now; 0 where that is the chunk itself.
func (h *heldChunk) gopFrom(utc int64) int {
	if h.Mark != nil {
		return 0
	}
	return h.GOPFrom(utc - h.utc + h.UTC)
}

// gopUntil is the first GOP behind the chunk's begin that begins at or after a time,
// -1 where none does.
func (h *heldChunk) gopUntil(utc int64) int {
	if h.Mark != nil {
		return -1
	}
	return h.GOPUntil(utc - h.utc + h.UTC)
}

// split parts a chunk where a GOP begins in it. There is no rest where at is no such
// place.
func (h heldChunk) split(at int) (first, rest heldChunk) {
	if at <= 0 {
		return h, heldChunk{}
	}
	utc := h.utc - h.UTC
	before, behind := h.Split(at)
	utc += behind.UTC
	return heldChunk{before, h.utc, utc}, heldChunk{behind, utc, h.end}
}

// part is split of the k-th of what is held.
func (g *gopGate) part(k, at int) bool {
	bytes := g.held[k].Memory()
	first, rest := g.held[k].split(at)
	if rest.Chunk == nil {
		return false
	}
	g.held[k] = first
	g.held = slices.Insert(g.held, k+1, rest)
	g.bytes += first.Memory() + rest.Memory() - bytes
	return true
}
