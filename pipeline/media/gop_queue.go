package media

import (
	"sync/atomic"
	"time"
)

// GOPQueue is a bounded queue of chunks. It drops whole GOPs, or the tail of one, so that the
// remaining media can be decoded. It counts the dropped media, and reports each loss by a gap mark
// in its place. Its users drop from opposite ends:
//
//	hub.Subscription  DropNewest. It refuses arriving chunks up to the next key frame for
//	                  which it has room. Its reader is another goroutine of this process,
//	                  which has begun the GOP at the front: the queued media continues
//	                  there, and a reader that hangs for a moment sees one gap, after the
//	                  media that arrived in time.
//	gop_ring          DropOldest. It drops the first whole GOP of which nothing was taken.
//	                  The disk is behind, perhaps by minutes: the oldest media keeps the
//	                  recording from the present, and any later GOP may be the one that
//	                  matters.
//	gop_ring before   No policy. It forgets the oldest chunks (Forget), uncounted and without
//	a trigger         a gap: no recording has begun. The owner decides when, because the
//	                  bound includes the chunks that it has passed on.
//
// The budget of the process drops (Shed) from the same end as the queue's own bound.
//
// Two rules hold for each policy. Marks other than gap marks stay, in their order: an event covers
// media that was taken or will come. And the queue accepts a chunk of any size if no other media
// waits: it is written, not lost.
//
// The owner's lock guards a queue; only Held is safe for concurrent use.
type GOPQueue struct {
	pool   *Pool // of the gap marks
	limits GOPLimits

	entries []queued
	room    []queued // the whole array under entries, with length 0
	chunks  int      // chunks with media in entries
	bytes   int      // their memory
	spanNS  int64    // their media time
	extraNS int64    // see AllowSpan
	held    atomic.Int64

	pending  *lostGap // loss before the next queued chunk
	refusing lossBy   // not 0: the arriving GOP lost its beginning or middle, for this reason
	lost     GOPLosses
}

// queued is a chunk with the loss before it.
type queued struct {
	chunk  *Chunk
	gap    *lostGap // nil: no loss
	marked bool     // Next has returned the gap
}

// GOPLimits bound a queue. 0 is no bound: a queue with the zero value is never full and drops
// nothing.
type GOPLimits struct {
	Policy   DropPolicy
	MaxBytes int           // as Chunk.MemoryBytes counts
	MaxSpan  time.Duration // of media
}

// DropPolicy is the end from which a full queue drops; see GOPQueue.
type DropPolicy uint8

// The policies.
const (
	DropOldest DropPolicy = iota + 1
	DropNewest
)

// GOPLoss counts dropped media.
type GOPLoss struct{ Chunks, AccessUnits, Bytes uint64 }

// GOPLosses counts dropped media by reason. The rest of a partly dropped GOP counts with the
// dropped part.
type GOPLosses struct {
	Bound  GOPLoss // the bound of the queue
	Budget GOPLoss // the budget of the process: Shed
}

// Sum returns the sum of both.
func (l GOPLosses) Sum() GOPLoss {
	a, b := l.Bound, l.Budget
	return GOPLoss{a.Chunks + b.Chunks, a.AccessUnits + b.AccessUnits, a.Bytes + b.Bytes}
}

// NewGOPQueue returns an empty queue of chunks of a pool.
func NewGOPQueue(pool *Pool, limits GOPLimits) *GOPQueue {
	return &GOPQueue{pool: pool, limits: limits}
}

// Held returns the queued bytes. It is safe for concurrent use. See Queue.
func (q *GOPQueue) Held() int64 { return q.held.Load() }

// Len returns the number of queued chunks, marks included.
func (q *GOPQueue) Len() int { return len(q.entries) }

// Span returns the duration of the queued media.
func (q *GOPQueue) Span() time.Duration { return time.Duration(q.spanNS) }

// Lost returns the losses so far.
func (q *GOPQueue) Lost() GOPLosses { return q.lost }

// AllowSpan extends MaxSpan for media that arrives at once, until the next call finds the queue
// empty.
func (q *GOPQueue) AllowSpan(ns int64) {
	if len(q.entries) == 0 {
		q.extraNS = 0
	}
	q.extraNS += ns
}

// Put queues a chunk or a mark and takes over the caller's reference.
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

// passed reports whether the queue with so much more media would exceed a bound.
func (q *GOPQueue) passed(bytes int, spanNS int64) bool {
	l := &q.limits
	return l.MaxBytes > 0 && q.bytes+bytes > l.MaxBytes || l.MaxSpan > 0 && q.spanNS+spanNS > int64(l.MaxSpan)+q.extraNS
}

// Next removes the oldest chunk and returns it with its reference, or nil if the queue is empty. It
// returns a loss before a chunk as a mark with that chunk's sequence number.
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

// Rest returns a mark for the loss after all queued chunks, or nil without one. The caller calls it
// when no further chunk can carry the loss.
func (q *GOPQueue) Rest() *Chunk {
	if q.pending == nil {
		return nil
	}
	gap := q.pending.Gap
	q.pending = nil
	return q.pool.NewMark(nil, 0, Mark{Kind: MarkGap, Gap: gap})
}

// At returns the chunk at a place of the queue, 0 the oldest. The reference stays with the queue.
func (q *GOPQueue) At(k int) *Chunk { return q.entries[k].chunk }

// Split parts the chunk at place k where a GOP begins in it, at access unit au of the lead track;
// see Chunk.Split. It returns false, and changes nothing, if au is 0 or less or the chunk is a
// mark. Each part counts with all of the memory, because it holds that.
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

// Forget releases the n oldest entries and counts nothing.
func (q *GOPQueue) Forget(n int) {
	for i := range q.entries[:n] {
		q.account(q.entries[i].chunk, -1)
		q.entries[i].chunk.Release()
		q.entries[i] = queued{}
	}
	q.entries = q.entries[n:]
}

// Clear releases all entries and counts nothing.
func (q *GOPQueue) Clear() { q.Forget(len(q.entries)) }

// add appends an entry. It reuses the room of removed entries if that is the larger part of the
// array, so a queue at its usual length allocates nothing.
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

// account adds (sign 1) or subtracts (-1) a chunk from the totals.
func (q *GOPQueue) account(c *Chunk, sign int) {
	if c.Mark != nil {
		return
	}
	q.chunks += sign
	q.bytes += sign * c.MemoryBytes()
	q.held.Store(int64(q.bytes))
	q.spanNS += int64(sign) * c.SpanNS()
}
