package media

import (
	"fmt"
	"math/bits"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Pool makes chunks and takes their memory back. Payload memory comes in size
// classes, eight to an octave: beyond the first KiB new memory is at most an
// eighth larger than what was asked for, used memory a quarter. What is free,
// columns included, is kept up to a bound in bytes and left to the collector
// beyond it.
//
// A pool is safe for concurrent use.
type Pool struct {
	maxFree     int
	checked     bool
	outstanding atomic.Int64
	memory      atomic.Int64

	mu     sync.Mutex
	free   [classes][][]byte // by class
	idle   int               // bytes in free and chunks
	chunks []*Chunk
	held   map[*holder]struct{} // checked only
}

// holder remembers who took a chunk that was not given back.
type holder struct{ stack []uintptr }

const (
	minClassBits = 10 // 1 KiB
	maxClassBits = 27 // 128 MiB: from there on memory is not kept
	classSteps   = 8
	classes      = (maxClassBits - minClassBits) * classSteps
	nearClasses  = 2    // what is at most a quarter larger than needed serves as well
	maxChunks    = 4096 // idle chunk headers that are kept
)

// NewPool makes a pool that keeps at most maxFree bytes of free payload memory.
func NewPool(maxFree int) *Pool { return &Pool{maxFree: maxFree} }

// NewCheckedPool makes a pool for tests: it remembers the stack of every chunk
// taken, and overwrites released payloads so that a late reader is seen.
func NewCheckedPool() *Pool {
	return &Pool{maxFree: 1 << 24, checked: true, held: map[*holder]struct{}{}}
}

// Outstanding is the number of chunks that were taken and not released.
func (p *Pool) Outstanding() int64 { return p.outstanding.Load() }

// Memory is the bytes held by sealed chunks that are not released yet.
func (p *Pool) Memory() int64 { return p.memory.Load() }

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

// get takes an empty chunk with one reference and room for the set's tracks.
func (p *Pool) get(set *TrackSet) *Chunk {
	p.outstanding.Add(1)
	p.mu.Lock()
	var c *Chunk
	if n := len(p.chunks); n > 0 {
		c, p.chunks[n-1] = p.chunks[n-1], nil
		p.chunks = p.chunks[:n-1]
		p.idle -= c.Memory()
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
func (p *Pool) seal(c *Chunk) { p.memory.Add(int64(c.Memory())) }

func (p *Pool) put(c *Chunk) {
	p.outstanding.Add(-1)
	if of := c.of; of != nil {
		c.unview()
		defer of.Release()
	} else if c.Mark == nil {
		p.memory.Add(-int64(c.Memory()))
	}
	for i := range c.Tracks {
		t := &c.Tracks[i]
		p.putBytes(t.Payload)
		*t = Columns{DTS: t.DTS[:0], Offset: t.Offset[:0], Size: t.Size[:0], Flags: t.Flags[:0]}
	}
	c.Set, c.Mark, c.Gap = nil, nil, Gap{}
	c.Seq, c.UTC, c.StartsGOP = 0, 0, false
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.checked {
		delete(p.held, c.held)
		return // never reused: a stale pointer keeps meaning what it meant
	}
	if size := c.Memory(); len(p.chunks) < maxChunks && p.idle+size <= p.maxFree {
		p.chunks = append(p.chunks, c)
		p.idle += size
	}
}

// bytes takes empty payload memory with room for at least n bytes.
func (p *Pool) bytes(n int) []byte {
	k, size := classFor(n)
	if k < 0 {
		return make([]byte, 0, n)
	}
	if b := p.takeFree(k); b != nil {
		return b
	}
	return make([]byte, 0, size)
}

// takeFree takes free memory of a class or of one just above it, which keeps
// down what lies idle when sizes vary; nil where there is none.
func (p *Pool) takeFree(class int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := class; k <= class+nearClasses && k < classes; k++ {
		if n := len(p.free[k]); n > 0 {
			b := p.free[k][n-1]
			p.free[k][n-1] = nil
			p.free[k] = p.free[k][:n-1]
			p.idle -= cap(b)
			return b
		}
	}
	return nil
}

func (p *Pool) putBytes(b []byte) {
	if cap(b) == 0 {
		return
	}
	if p.checked {
		b = b[:cap(b)]
		for i := range b {
			b[i] = 0xdb
		}
		return
	}
	k, size := classFor(cap(b))
	if k < 0 || size != cap(b) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.idle+size > p.maxFree {
		return
	}
	p.free[k] = append(p.free[k], b[:0])
	p.idle += size
}

// classFor is the smallest class that holds n bytes, and its size; -1 where
// n is larger than any class.
func classFor(n int) (class, size int) {
	if n <= 1<<minClassBits {
		return 0, 1 << minClassBits
	}
	octave := bits.Len(uint(n-1)) - 1 // 2^octave < n <= 2^(octave+1)
	step := 1 << octave / classSteps
	up := (n - 1<<octave + step - 1) / step // 1..classSteps
	class = (octave-minClassBits)*classSteps + up
	if class >= classes {
		return -1, 0
	}
	return class, 1<<octave + up*step
}
