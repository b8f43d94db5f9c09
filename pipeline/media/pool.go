package media

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Pool makes chunks and reuses their memory. It stores payloads in blocks; a sealed chunk wastes at most 8 KiB
// of them for each track. The pool keeps free memory, up to a bound in bytes, as far as it will probably be
// reused soon. Memory beyond that returns to the system (blocks) or to the garbage collector (columns).
//
// A pool is safe for concurrent use.
type Pool struct {
	maxFreeBytes int
	checked      bool
	outstanding  atomic.Int64
	memoryBytes  atomic.Int64
	openChunks   atomic.Int64 // open chunks of all builders
	openBytes    atomic.Int64 // their payload

	mu      sync.Mutex // guards the following fields
	blocks  blocks
	columns int                  // bytes of the columns of the free chunks
	chunks  []*Chunk             // free chunks
	held    map[*holder]struct{} // records of the outstanding chunks; checked pools only
}

// holder is the call stack of the code that took an outstanding chunk.
type holder struct{ stack []uintptr }

const maxChunks = 4096 // bound of the number of free chunks

// NewPool returns a pool that keeps at most maxFree bytes of free memory for reuse.
func NewPool(maxFree int) *Pool {
	p := &Pool{maxFreeBytes: maxFree}
	p.blocks.own(p)
	return p
}

// NewCheckedPool returns a pool for tests. It records the call stack of each code that takes a chunk, for
// Leaks. It overwrites released payloads, so that a test which reads after a release fails.
func NewCheckedPool() *Pool {
	return &Pool{maxFreeBytes: 1 << 24, checked: true, held: map[*holder]struct{}{}}
}

// Outstanding returns the number of chunks, marks and views included, that were taken and not released.
func (p *Pool) Outstanding() int64 { return p.outstanding.Load() }

// Memory returns the bytes of the sealed chunks that are not released yet.
func (p *Pool) Memory() int64 { return p.memoryBytes.Load() }

// Blocks returns the memory of payloads, in bytes: of the chunks in use, complete or not, and of the free memory that is
// kept for reuse.
func (p *Pool) Blocks() (usedBytes, freeBytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.blocks.used, p.blocks.idle
}

// Leaks returns the call stacks of the code that took the outstanding chunks, as text. It returns "" for an
// unchecked pool.
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

// NewMark returns a chunk with a mark and no media. set may be nil. The caller owns its one reference.
func (p *Pool) NewMark(set *TrackSet, seq uint64, mark Mark) *Chunk {
	c := p.get(set)
	c.Seq, c.Mark = seq, &mark
	return c
}

// NewChunk returns an open chunk for a source that knows the sizes before it has the bytes, such as a reader of
// a file. The payload of track i has sizes[i] bytes, which the caller fills in. The columns are empty, and the
// caller appends to them. So the media is not copied again, as a Builder would do.
//
// The caller keeps the rules that a Builder keeps: those in the comment of Columns, and a sequence number one
// above that of the previous chunk. It calls Seal when the chunk is complete, and also before it releases an
// unfinished chunk.
func (p *Pool) NewChunk(set *TrackSet, seq uint64, sizes []int) *Chunk {
	c := p.get(set)
	c.Seq = seq
	for i, n := range sizes {
		c.Tracks[i].Payload.grow(p, n)
	}
	return c
}

// Seal completes a chunk that NewChunk returned. The chunk is read-only from then on.
func (p *Pool) Seal(c *Chunk) { p.seal(c) }

// get returns an empty chunk with one reference and with columns for the set's tracks.
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

// seal counts the memory of a complete chunk for Pool.Memory.
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
	p.freeBlocks(c.aside...)
	clear(c.aside)
	c.aside, c.observed = c.aside[:0], false
	c.Set, c.Mark, c.Gap, c.Gaps, c.holeNS = nil, nil, Gap{}, c.Gaps[:0], 0
	c.Seq, c.UTC, c.SteppedNS, c.StartsGOP, c.More, c.byFlow = 0, 0, 0, false, false, false
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.checked {
		delete(p.held, c.held)
		// The chunk is never reused: a stale pointer still refers to this released chunk.
		return
	}
	if size := c.MemoryBytes(); len(p.chunks) < maxChunks && p.idle()+size <= p.maxFreeBytes {
		p.chunks = append(p.chunks, c)
		p.columns += size
	}
}

// idle returns the bytes of the free memory that the pool keeps for reuse: backed blocks (see blocks) and
// columns. The caller holds p.mu.
func (p *Pool) idle() int { return p.blocks.idle + p.columns }

// block returns an empty block with a capacity of size bytes.
func (p *Pool) block(size int) []byte {
	if p.checked {
		return make([]byte, 0, size) // in the heap, so that the race detector sees accesses
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.blocks.take(size); b != nil {
		return b
	}
	return make([]byte, 0, size)
}

// freeBlocks gives blocks that the method block returned back to the pool's free memory. The caller must not
// use them afterwards.
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

// poison overwrites released memory. It uses copy, because the race detector records each copy as one write.
func poison(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = 0xdb
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}
