package media

import (
	"sync/atomic"
	"time"
)

// GOPQueue is a bounded queue of chunks. It loses whole GOPs, or the tail of one, so
// that what leaves it can be decoded. It counts what it loses, and a gap mark says so in
// the place where it is missing. Its users drop from opposite ends:
//
//	hub.Subscription  DropNewest. It refuses what comes, up to the next key frame that
//	                  it has room for. Its reader is another goroutine of this process,
//	                  which has begun the GOP at the front: what waits goes on where
//	                  that is, and a reader that hangs for a moment has one gap behind
//	                  what it was given in time.
//	gop_ring          DropOldest. The first whole GOP of which nothing was taken goes.
//	                  The disk is behind, by minutes perhaps: what waits longest is what
//	                  would keep the recording from the present, and each later GOP may
//	                  be the one that matters.
//	gop_ring, what    No policy. It forgets the oldest (Forget), uncounted and without a
//	a trigger may     gap: nothing asked for it yet, and a recording only begins later.
//	ask for           The owner says when, as the bound is one with that of what it has
//	                  let through.
//
// The budget of the process takes (Shed) from the same end as a bound.
//
// Two rules hold for each policy. Marks that say more than a gap stay, in their order: an
// event is of media that was taken, or is to come. And a chunk that no other media waits
// with is taken, however large: it is written, not lost.
//
// The owner's lock guards a queue; only Held is for any goroutine.
type GOPQueue struct {
	pool   *Pool // of the gap marks
	limits GOPLimits

	entries []queued
	room    []queued // all of the array that entries lie in, without length
	chunks  int      // of media in entries
	bytes   int      // of them
	spanNS  int64    // of them
	extraNS int64    // see AllowSpan
	held    atomic.Int64

	pending  *lostGap // before what is queued next
	refusing lossBy   // not 0: the GOP that arrives lost its beginning or middle, by this
	lost     GOPLosses
}

// queued is a chunk with what was lost before it.
type queued struct {
	chunk  *Chunk
	gap    *lostGap // nil: nothing
	marked bool     // gap was handed out
}

// GOPLimits bound a queue. A bound of 0 bounds nothing: a queue with the zero value is
// never full and sheds nothing.
type GOPLimits struct {
	Policy   DropPolicy
	MaxBytes int           // of memory, as Chunk.MemoryBytes counts it
	MaxSpan  time.Duration // of media
}

// DropPolicy says from which end a full queue drops; see GOPQueue.
type DropPolicy uint8

// The policies.
const (
	DropOldest DropPolicy = iota + 1
	DropNewest
)

// GOPLoss counts what a queue lost.
type GOPLoss struct{ Chunks, AccessUnits, Bytes uint64 }

// GOPLosses count it by what it was lost to. The rest of a GOP that was lost in part
// counts with that part.
type GOPLosses struct {
	Bound  GOPLoss // of the queue itself
	Budget GOPLoss // of the process: Shed
}

// Sum adds both.
func (l GOPLosses) Sum() GOPLoss {
	a, b := l.Bound, l.Budget
	return GOPLoss{a.Chunks + b.Chunks, a.AccessUnits + b.AccessUnits, a.Bytes + b.Bytes}
}

// NewGOPQueue makes an empty queue of chunks of a pool.
func NewGOPQueue(pool *Pool, limits GOPLimits) *GOPQueue {
	return &GOPQueue{pool: pool, limits: limits}
}

// Held is what is queued, in bytes, by any goroutine. See Queue.
func (q *GOPQueue) Held() int64 { return q.held.Load() }

// Len is how many chunks are queued, marks among them.
func (q *GOPQueue) Len() int { return len(q.entries) }

// Span is how long the queued media lasts.
func (q *GOPQueue) Span() time.Duration { return time.Duration(q.spanNS) }

// Lost counts what was lost so far.
func (q *GOPQueue) Lost() GOPLosses { return q.lost }

// AllowSpan makes room beyond MaxSpan for media that comes at once, until the queue is
// found empty by the next call.
func (q *GOPQueue) AllowSpan(ns int64) {
	if len(q.entries) == 0 {
		q.extraNS = 0
	}
	q.extraNS += ns
}

// Put queues a chunk or a mark. It owns the caller's reference.
func (q *GOPQueue) Put(c *Chunk) {
	switch {
	case c.Mark != nil:
		q.add(queued{chunk: c})
	case q.refusing != 0 && !c.StartsGOP:
		q.refuse(c, q.refusing)
	case q.limits.Policy == DropNewest && q.chunks > 0 && q.passed(c.MemoryBytes(), c.SpanNS()):
		q.refuse(c, lostToBound)
	default:
		if q.pending != nil {
			q.pending.DurationNS -= c.Gap.DurationNS - c.GapFrom(q.pending.until).DurationNS
		}
		q.add(queued{chunk: c, gap: q.pending})
		q.pending, q.refusing = nil, 0
		for q.limits.Policy == DropOldest && q.chunks > 1 && q.passed(0, 0) {
			q.shedOldest(lostToBound)
		}
	}
}

// passed reports whether a bound is passed with so much more.
func (q *GOPQueue) passed(bytes int, spanNS int64) bool {
	l := &q.limits
	return l.MaxBytes > 0 && q.bytes+bytes > l.MaxBytes || l.MaxSpan > 0 && q.spanNS+spanNS > int64(l.MaxSpan)+q.extraNS
}

// Next hands out the oldest chunk with its reference, nil where none is queued. What
// was lost before a chunk comes before it, as a mark with that chunk's place.
func (q *GOPQueue) Next() *Chunk {
	if len(q.entries) == 0 {
		return nil
	}
	e := &q.entries[0]
	if e.gap != nil {
		gap := e.gap.Gap
		e.gap, e.marked = nil, true
		return q.pool.NewMark(e.chunk.Set, e.chunk.Seq, Mark{Kind: MarkGap, Gap: gap})
	}
	c := e.chunk
	*e = queued{}
	q.entries = q.entries[1:]
	q.account(c, -1)
	return c
}

// Rest is the mark of what was lost behind all that was queued, once nothing comes that
// could carry it; nil where nothing was.
func (q *GOPQueue) Rest() *Chunk {
	if q.pending == nil {
		return nil
	}
	gap := q.pending.Gap
	q.pending = nil
	return q.pool.NewMark(nil, 0, Mark{Kind: MarkGap, Gap: gap})
}

// At is the chunk at a place of the queue, 0 the oldest, for its owner to look at.
func (q *GOPQueue) At(k int) *Chunk { return q.entries[k].chunk }

// Split parts the chunk at a place where a GOP begins in it, at an access unit of the
// lead track; see Chunk.Split. false: au is 0 or less, or it is a mark, and nothing
// changes. Each part counts with all of the memory, since it keeps that.
func (q *GOPQueue) Split(k, au int) bool {
	c := q.entries[k].chunk
	if au <= 0 || c.Mark != nil {
		return false
	}
	q.account(c, -1)
	before, behind := c.Split(au)
	q.entries[k].chunk = before
	q.account(before, 1)
	q.add(queued{chunk: behind})
	last := len(q.entries) - 1
	e := q.entries[last]
	copy(q.entries[k+2:], q.entries[k+1:last])
	q.entries[k+1] = e
	return true
}

// Forget releases the n oldest entries, and counts nothing.
func (q *GOPQueue) Forget(n int) {
	for i := range q.entries[:n] {
		q.account(q.entries[i].chunk, -1)
		q.entries[i].chunk.Release()
		q.entries[i] = queued{}
	}
	q.entries = q.entries[n:]
}

// Clear releases all that is queued, and counts nothing.
func (q *GOPQueue) Clear() { q.Forget(len(q.entries)) }

// add queues at the end: in the room that those left that were taken, where it is the
// larger part, so that a queue at its usual length allocates nothing.
func (q *GOPQueue) add(e queued) {
	n := len(q.entries)
	if n == cap(q.entries) && 2*n <= cap(q.room) {
		old := q.entries
		q.entries = append(q.room, old...)
		clear(old)
	}
	fits := n < cap(q.entries)
	q.entries = append(q.entries, e)
	if !fits {
		q.room = q.entries[:0]
	}
	q.account(e.chunk, 1)
}

// account follows what is queued: a chunk that comes (1) or goes (-1).
func (q *GOPQueue) account(c *Chunk, sign int) {
	if c.Mark != nil {
		return
	}
	q.chunks += sign
	q.bytes += sign * c.MemoryBytes()
	q.held.Store(int64(q.bytes))
	q.spanNS += int64(sign) * c.SpanNS()
}
