package media

import (
	"sync/atomic"
	"time"
)

// GOPQueue is a bounded queue of chunks. When it is full, it drops whole GOPs, or the rest of one GOP, so that
// the remaining media can be decoded. It counts the dropped media, and returns a gap mark in its place. Its
// users choose different policies:
//
//	hub.Subscription  DropNewest: it refuses arriving chunks up to the next key frame for which
//	                  it has room. Its reader, another goroutine of this process, has already
//	                  begun the GOP at the front of the queue, so that GOP must stay whole. A
//	                  reader that hangs for a moment sees one gap, after the media that
//	                  arrived in time.
//	gop_ring          DropOldest: it drops the oldest whole GOP. The chunk at the front may be
//	                  the rest of a GOP whose beginning was taken; that GOP stays. The disk is
//	                  behind, perhaps by minutes: without the oldest media the recording
//	                  catches up with the present.
//	gop_ring before   No policy: the owner calls Forget for the oldest chunks, which are neither
//	a trigger         counted nor a gap, because no recording has begun. The owner decides
//	                  when, because its bound includes chunks that it has passed on.
//
// Shed, which the process's Budget calls, drops from the same end as the queue's own bound.
//
// Two rules hold for each policy. First, marks other than gap marks are never dropped and keep their order,
// because an event also covers media that was taken before or that will arrive. Second, an empty queue accepts
// a chunk of any size, so that a large chunk is written and not lost.
//
// The owner's lock guards a queue; only Held is safe for concurrent use.
type GOPQueue struct {
	pool   *Pool // makes the gap marks
	limits GOPLimits

	entries []queued
	room    []queued // the whole array that entries is a part of, with length 0
	chunks  int      // chunks with media in entries
	bytes   int      // memory of these chunks
	spanNS  int64    // media time of these chunks
	extraNS int64    // see AllowSpan
	held    atomic.Int64

	pending *lostGap // loss after the last queued chunk
	// refusing is the reason for which arriving chunks are refused up to the next key frame, because a
	// part of their GOP was dropped; 0 while chunks are accepted.
	refusing lossBy
	lost     GOPLosses
}

// queued is a queued chunk with the loss right before it.
type queued struct {
	chunk  *Chunk
	gap    *lostGap // nil if no media was lost, or if Next has returned the gap mark
	marked bool     // Next has returned a gap mark for the loss
}

// GOPLimits bound a queue. A field of 0 is no bound: a queue with the zero value is never full and drops
// nothing.
type GOPLimits struct {
	Policy   DropPolicy
	MaxBytes int           // bound of the memory, as Chunk.MemoryBytes counts it
	MaxSpan  time.Duration // bound of the media time
}

// DropPolicy is the end of the queue from which a full queue drops; see GOPQueue.
type DropPolicy uint8

// The policies. With the zero value, a queue drops nothing by itself.
const (
	DropOldest DropPolicy = iota + 1
	DropNewest
)

// GOPLoss counts dropped chunks, their access units and their payload bytes.
type GOPLoss struct{ Chunks, AccessUnits, Bytes uint64 }

// GOPLosses counts dropped media by reason. If a GOP was dropped in part and its rest is refused later, both
// parts count for the first reason.
type GOPLosses struct {
	Bound  GOPLoss // dropped because the queue was full
	Budget GOPLoss // dropped by Shed, for the budget of the process
}

// Sum returns the sum of Bound and Budget.
func (l GOPLosses) Sum() GOPLoss {
	a, b := l.Bound, l.Budget
	return GOPLoss{a.Chunks + b.Chunks, a.AccessUnits + b.AccessUnits, a.Bytes + b.Bytes}
}

// NewGOPQueue returns an empty queue for chunks of a pool.
func NewGOPQueue(pool *Pool, limits GOPLimits) *GOPQueue {
	return &GOPQueue{pool: pool, limits: limits}
}

// Held returns the memory of the queued chunks, in bytes. It is safe for concurrent use, as the interface Queue
// demands.
func (q *GOPQueue) Held() int64 { return q.held.Load() }

// Len returns the number of queued chunks and marks.
func (q *GOPQueue) Len() int { return len(q.entries) }

// Span returns the media time of the queued chunks.
func (q *GOPQueue) Span() time.Duration { return time.Duration(q.spanNS) }

// Lost returns the media dropped so far.
func (q *GOPQueue) Lost() GOPLosses { return q.lost }

// AllowSpan adds ns to MaxSpan, for media that arrives faster than real time. The addition lasts until a call
// of AllowSpan finds the queue empty.
func (q *GOPQueue) AllowSpan(ns int64) {
	if len(q.entries) == 0 {
		q.extraNS = 0
	}
	q.extraNS += ns
}

// Put queues a chunk or a mark and takes over the caller's reference. It does not drop a mark. It drops a chunk
// if the rest of the chunk's GOP is refused or, with DropNewest, if the chunk would exceed a limit. With
// DropOldest, it then drops the oldest GOPs until no limit is exceeded or one chunk is left.
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
			q.pending.DurationNS -= c.Gap.DurationNS - c.GapFrom(q.pending.untilSteadyUTC).DurationNS
		}
		q.add(queued{chunk: c, gap: q.pending})
		q.pending, q.refusing = nil, 0
		for q.limits.Policy == DropOldest && q.chunks > 1 && q.passed(0, 0) {
			q.shedOldest(lostToBound)
		}
	}
}

// passed reports whether the queue would exceed a bound with the given bytes and media time added.
func (q *GOPQueue) passed(bytes int, spanNS int64) bool {
	l := &q.limits
	return l.MaxBytes > 0 && q.bytes+bytes > l.MaxBytes || l.MaxSpan > 0 && q.spanNS+spanNS > int64(l.MaxSpan)+q.extraNS
}

// Next removes the oldest chunk and returns it with its reference, or returns nil if the queue is empty. If
// media was dropped before that chunk, Next first returns a gap mark with the chunk's sequence number, and
// leaves the chunk in the queue.
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

// Rest returns a gap mark for the loss after the last queued chunk, or nil if there is no such loss. The caller
// calls it at the end of the stream, when no further chunk will follow.
func (q *GOPQueue) Rest() *Chunk {
	if q.pending == nil {
		return nil
	}
	gap := q.pending.Gap
	q.pending = nil
	return q.pool.NewMark(nil, 0, Mark{Kind: MarkGap, Gap: gap})
}

// At returns the chunk at index k of the queue; 0 is the oldest. The queue keeps the reference.
func (q *GOPQueue) At(k int) *Chunk { return q.entries[k].chunk }

// Split divides the chunk at index k in two, at access unit au of the lead track, where a GOP begins; see
// Chunk.Split. It returns false, and changes nothing, if au is 0 or less or if the chunk is a mark. The memory
// of the chunk counts twice from then on, because each part keeps all of it in use.
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

// Forget removes and releases the n oldest entries. It does not count them as lost.
func (q *GOPQueue) Forget(n int) {
	for i := range q.entries[:n] {
		q.account(q.entries[i].chunk, -1)
		q.entries[i].chunk.Release()
		q.entries[i] = queued{}
	}
	q.entries = q.entries[n:]
}

// Clear removes and releases all entries. It does not count them as lost.
func (q *GOPQueue) Clear() { q.Forget(len(q.entries)) }

// add appends an entry. If there is no room at the end of the array and the entries fill at most half of it, add
// moves them to its front, so that a queue of steady length allocates nothing.
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

// account adds the chunk to the totals (sign 1) or subtracts it (sign -1). Marks do not count.
func (q *GOPQueue) account(c *Chunk, sign int) {
	if c.Mark != nil {
		return
	}
	q.chunks += sign
	q.bytes += sign * c.MemoryBytes()
	q.held.Store(int64(q.bytes))
	q.spanNS += int64(sign) * c.SpanNS()
}
