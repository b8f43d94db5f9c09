package server

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"

	"github.com/prometheus/client_golang/prometheus"

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

// gcPercent is the value of GOGC if the environment does not set it. The packets and pictures of streams are not in the
// heap, so little garbage arises, and a smaller heap costs no more CPU time.
const gcPercent = 30

// budget returns the pool of all chunks and the budget that limits them. If memory.max is set, it also
// sets the memory limit of the Go runtime, and lets access units that are not in a chunk yet take half
// of the heap that remains for media.
func budget(cfg *configs.Config) (*media.Pool, *media.Budget) {
	free, chunks, heap := memory(cfg.Memory)
	pool := media.NewPool(int(min(free, math.MaxInt)))
	if cfg.Memory.Max > 0 { // otherwise the environment variable GOMEMLIMIT applies
		debug.SetMemoryLimit(heap)
		ingest.LimitMemory((heap - baseBytes + mappedBytes) / 2)
	}
	priority := func(stream string) int { return cfg.Streams[configs.StreamPath(stream)].Priority }
	return pool, media.NewBudget(pool, chunks, priority)
}

// keepHeapSmall sets gcPercent unless GOGC is in the environment. Run calls it when everything is open: before, it would
// only cause collections.
func keepHeapSmall() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// memoryMetrics is the collector of the metrics of the process's memory.
type memoryMetrics struct{ pool *media.Pool }

var (
	memMedia     = figure("memory_media_bytes", "Memory of received media that is not written yet, or is kept by a gop_ring.")
	memMediaFree = figure("memory_media_free_bytes", "Free memory that is kept for media.")
	memHeap      = figure("memory_heap_bytes", "Memory of the Go heap, in use and free. Media is not part of it.")
	memStacks    = figure("memory_stacks_bytes", "Memory of the stacks of goroutines and threads.")
	memOther     = figure("memory_other_bytes", "Other memory of the Go runtime. process_resident_memory_bytes also includes the loaded pages of the program.")
)

// Describe sends the descriptions of all metrics of memoryMetrics; see prometheus.Collector.
func (m memoryMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{memMedia, memMediaFree, memHeap, memStacks, memOther} {
		ch <- d
	}
}

// Collect sends the values of one scrape; see prometheus.Collector.
func (m memoryMetrics) Collect(ch chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, bytes float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, bytes)
	}
	used, free := m.pool.Blocks()
	heap := classes("heap/objects", "heap/unused", "heap/free")
	stacks := classes("heap/stacks", "os-stacks")
	send(memMedia, float64(used))
	send(memMediaFree, float64(free))
	send(memHeap, heap)
	send(memStacks, stacks)
	send(memOther, max(classes("total")-classes("heap/released")-heap-stacks, 0))
}

// classes returns the bytes of classes of memory of the Go runtime: see package runtime/metrics.
func classes(names ...string) (bytes float64) {
	all := make([]metrics.Sample, len(names))
	for i, name := range names {
		all[i].Name = "/memory/classes/" + name + ":bytes"
	}
	metrics.Read(all)
	for _, s := range all {
		bytes += float64(s.Value.Uint64())
	}
	return bytes
}
