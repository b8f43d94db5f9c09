package server

import (
	"math"
	"runtime/debug"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

const (
	// base is what the program takes without media: code, connections, the catalogue.
	base = 64 << 20
	// mapped is the part of it that the collector does not count: the pages of the
	// binary itself.
	mapped = 32 << 20
)

// memory divides memory.max: what all chunks may hold, what is kept free for
// reuse, and what the collector may let the heap grow to, which media does not
// lie in. Half of what the heap gets beyond the base is for access units that are
// on their way into a chunk. The rest is for chunks that are being filled. Without a
// maximum the chunks are bounded by their queues alone.
func memory(m configs.Memory) (free, chunks, heap int64) {
	if m.Max == 0 {
		return int64(m.Pool), math.MaxInt64, math.MaxInt64
	}
	left := int64(m.Max) - base
	return min(int64(m.Pool), left/8), left * 5 / 8, base - mapped + left/8
}

// budget makes the pool of all chunks and what bounds them.
func budget(cfg *configs.Config) (*media.Pool, *media.Budget) {
	free, chunks, heap := memory(cfg.Memory)
	pool := media.NewPool(int(free))
	if cfg.Memory.Max > 0 { // else GOMEMLIMIT holds
		debug.SetMemoryLimit(heap)
		ingest.LimitMemory((heap - base + mapped) / 2)
	}
	priority := func(stream string) int { return cfg.Streams[configs.StreamPath(stream)].Priority }
	return pool, media.NewBudget(pool, chunks, priority)
}
