package media

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Pool makes chunks and takes their memory back: payloads in blocks, of which at
// most 8 KiB of each track of a sealed chunk are not used. What is free, columns
// included, is kept up to a bound in bytes, as far as it may be wanted soon; beyond
// that blocks go back to the system, and columns to the collector.
//
// A pool is safe for concurrent use.
type Pool struct {
	maxFreeBytes int
	checked      bool
	outstanding  atomic.Int64
	memoryBytes  atomic.Int64

	mu      sync.Mutex // guards what follows
	blocks  blocks
	columns int // bytes in chunks
	chunks  []*Chunk
	held    map[*holder]struct{} // checked only
}

// holder remembers who took a chunk that was not given back.
type holder struct{ stack []uintptr }

const maxChunks = 4096 // idle chunk headers that are kept

// NewPool makes a pool that keeps at most maxFree bytes of free memory.
func NewPool(maxFree int) *Pool {
	p := &Pool{maxFreeBytes: maxFree}
	p.blocks.own(p)
	return p
}

// NewCheckedPool makes a pool for tests: it remembers the stack of every chunk
// taken, and overwrites released payloads so that a late reader is seen.
func NewCheckedPool() *Pool {
	return &Pool{maxFreeBytes: 1 << 24, checked: true, held: map[*holder]struct{}{}}
}

// Outstanding is the number of chunks that were taken and not released.
func (p *Pool) Outstanding() int64 { return p.outstanding.Load() }

// Memory is the bytes held by sealed chunks that are not released yet.
func (p *Pool) Memory() int64 { return p.memoryBytes.Load() }

// Leaks describes every outstanding chunk by the stack that took it. It is
// empty for an unchecked pool.
func (p *Pool) Leaks() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for h := range p.held {
		fmt.Fprintf(&b, "chunk taken at:\n")
		frames := runtime.CallersFrames(h.stack)
		for {
			f, more := frames.Next()
			fmt.Fprintf(&b, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
			if !more {
				break
			}
		}
	}
	return b.String()
}

// NewMark makes a chunk that holds no media but a word to the stages behind.
func (p *Pool) NewMark(set *TrackSet, seq uint64, mark Mark) *Chunk {
	c := p.get(set)
	c.Seq, c.Mark = seq, &mark
	return c
}

// NewChunk takes a chunk for a source that knows what will be in it before it
// has the bytes, as one that reads a file does: the payload of track i has
// sizes[i] bytes, for the caller to fill in, and its columns are empty, for the
// caller to append to. Nothing is copied afterwards, as a Builder must.
//
// The caller keeps what a Builder would: columns as their doc comment says, a
// number one above that of the chunk before. It calls Seal when the chunk is
// complete, and also before it releases one that it gives up.
func (p *Pool) NewChunk(set *TrackSet, seq uint64, sizes []int) *Chunk {
	c := p.get(set)
	c.Seq = seq
	for i, n := range sizes {
		c.Tracks[i].Payload.grow(p, n)
	}
	return c
}

// Seal ends the making of a chunk that NewChunk gave: from here on it is
// read-only.
func (p *Pool) Seal(c *Chunk) { p.seal(c) }

// get takes an empty chunk with one reference and room for the set's tracks.
func (p *Pool) get(set *TrackSet) *Chunk {
	p.outstanding.Add(1)
	p.mu.Lock()
	var c *Chunk
	if n := len(p.chunks); n > 0 {
		c, p.chunks[n-1] = p.chunks[n-1], nil
		p.chunks = p.chunks[:n-1]
		p.columns -= c.MemoryBytes()
	}
	if c == nil {
		c = &Chunk{pool: p}
	}
	if p.checked {
		h := &holder{stack: make([]uintptr, 16)}
		h.stack = h.stack[:runtime.Callers(2, h.stack)]
		p.held[h] = struct{}{}
		c.held = h
	}
	p.mu.Unlock()
	c.Set = set
	tracks := 0
	if set != nil {
		tracks = len(set.Tracks)
	}
	if cap(c.Tracks) < tracks {
		c.Tracks = make([]Columns, tracks)
	}
	c.Tracks = c.Tracks[:tracks]
	c.refs.Store(1)
	return c
}

// seal accounts for the memory of a chunk that will change no more.
func (p *Pool) seal(c *Chunk) { p.memoryBytes.Add(int64(c.MemoryBytes())) }

func (p *Pool) put(c *Chunk) {
	p.outstanding.Add(-1)
	if of := c.of; of != nil {
		c.unview()
		defer of.Release()
	} else if c.Mark == nil {
		p.memoryBytes.Add(-int64(c.MemoryBytes()))
	}
	for i := range c.Tracks {
		t := &c.Tracks[i]
		t.Payload.free(p, 0)
		*t = Columns{DTS: t.DTS[:0], OffsetTicks: t.OffsetTicks[:0], SizeBytes: t.SizeBytes[:0], Flags: t.Flags[:0], Payload: Payload{blocks: t.Payload.blocks}}
	}
	c.Set, c.Mark, c.Gap, c.Gaps, c.holeNS = nil, nil, Gap{}, c.Gaps[:0], 0
	c.Seq, c.UTC, c.SteppedNS, c.StartsGOP, c.More, c.byFlow = 0, 0, 0, false, false, false
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.checked {
		delete(p.held, c.held)
		return // never reused: a stale pointer keeps meaning what it meant
	}
	if size := c.MemoryBytes(); len(p.chunks) < maxChunks && p.idle()+size <= p.maxFreeBytes {
		p.chunks = append(p.chunks, c)
		p.columns += size
	}
}

// idle is what lies free. The caller holds p.mu.
func (p *Pool) idle() int { return p.blocks.idle + p.columns }

// block takes an empty block of a size.
func (p *Pool) block(size int) []byte {
	if p.checked {
		return make([]byte, 0, size) // where the race detector and the collector see it
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.blocks.take(size); b != nil {
		return b
	}
	return make([]byte, 0, size)
}

// freeBlocks takes blocks back.
func (p *Pool) freeBlocks(blocks ...[]byte) {
	if p.checked {
		for _, b := range blocks {
			poison(b[:cap(b)])
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range blocks {
		p.blocks.put(b, p.maxFreeBytes-p.columns)
	}
}

// poison overwrites what nobody may read any more: by copies, which the race detector
// sees as one write each.
func poison(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = 0xdb
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}
