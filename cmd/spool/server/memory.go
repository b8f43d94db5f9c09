package server

import (
	"math"
	"runtime/debug"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

const (
	// baseBytes is an estimate of the memory of the program without media: code, connections, the
	// catalogue.
	baseBytes = 64 << 20
	// mappedBytes is the part of baseBytes that the limit of the Go heap does not include: the pages of
	// the binary.
	mappedBytes = 32 << 20
)

// memory divides the setting memory.max. It returns, in bytes, the size of the free list of chunks, the
// limit of all chunks in use, and the limit of the garbage-collected heap, outside of which the chunks
// are. Without memory.max the last two are unlimited, and only the queues limit the chunks.
func memory(m configs.Memory) (free, chunks, heap int64) {
	if m.Max == 0 {
		return int64(m.Pool), math.MaxInt64, math.MaxInt64
	}
	left := int64(m.Max) - baseBytes
	return min(int64(m.Pool), left/8), left * 5 / 8, baseBytes - mappedBytes + left/8
}

// budget returns the pool of all chunks and the budget that limits them. If memory.max is set, it also
// sets the memory limit of the Go runtime, and lets access units that are not in a chunk yet take half
// of the heap that remains for media.
func budget(cfg *configs.Config) (*media.Pool, *media.Budget) {
	free, chunks, heap := memory(cfg.Memory)
	pool := media.NewPool(int(free))
	if cfg.Memory.Max > 0 { // otherwise the environment variable GOMEMLIMIT applies
		debug.SetMemoryLimit(heap)
		ingest.LimitMemory((heap - baseBytes + mappedBytes) / 2)
	}
	priority := func(stream string) int { return cfg.Streams[configs.StreamPath(stream)].Priority }
	return pool, media.NewBudget(pool, chunks, priority)
}
