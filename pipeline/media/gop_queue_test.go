package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gopsOf puts GOPs of two chunks of a second and returns the chunks.
func gopsOf(t *testing.T, q *GOPQueue, gops int) (all []*Chunk) {
	t.Helper()
	set := setOf(t, video())
	for i := range uint64(2 * gops) {
		c := madeChunk(q.pool, set, i, int64(i)*90000, 25, 1000)
		c.StartsGOP = i%2 == 0
		q.Put(c)
		all = append(all, c)
	}
	return all
}

func takeAll(t *testing.T, q *GOPQueue) (seqs []uint64, gaps []Gap) {
	t.Helper()
	for c := q.Next(); c != nil; c = q.Next() {
		if c.Mark != nil {
			gaps = append(gaps, c.Mark.Gap)
		} else {
			seqs = append(seqs, c.Seq)
		}
		c.Release()
	}
	return seqs, gaps
}

// Two queues of the same bound get the same media: DropOldest keeps the newest of it and DropNewest the oldest, and
// the gap stands where media was dropped.
func TestAFullQueueDropsFromTheEndOfItsPolicy(t *testing.T) {
	lost := GOPLosses{Bound: GOPLoss{Chunks: 4, AccessUnits: 100, Bytes: 100_000}}
	gap := Gap{Cause: GapOverload, DurationNS: 4e9, Chunks: 4}
	for policy, want := range map[DropPolicy][]uint64{DropOldest: {4, 5, 6, 7}, DropNewest: {0, 1, 2, 3}} {
		pool := NewCheckedPool()
		q := NewGOPQueue(pool, GOPLimits{Policy: policy, MaxSpan: 4 * time.Second})
		gopsOf(t, q, 4)
		require.Equal(t, lost, q.Lost())
		seqs, gaps := takeAll(t, q)
		require.Equal(t, want, seqs)
		if rest := q.Rest(); rest != nil {
			gaps = append(gaps, rest.Mark.Gap)
			rest.Release()
		}
		require.Equal(t, []Gap{gap}, gaps)
		require.Zero(t, pool.Outstanding(), pool.Leaks())
	}
}

// Chunks that the budget of the process drops are counted apart from those beyond the queue's own bound.
func TestAQueueCountsItsLossesByCause(t *testing.T) {
	q := NewGOPQueue(NewCheckedPool(), GOPLimits{Policy: DropOldest, MaxSpan: 4 * time.Second})
	gopsOf(t, q, 3)
	require.True(t, q.Shed())
	lost := q.Lost()
	require.Equal(t, GOPLoss{Chunks: 2, AccessUnits: 50, Bytes: 50_000}, lost.Bound)
	require.Equal(t, lost.Bound, lost.Budget)
	require.Equal(t, GOPLoss{Chunks: 4, AccessUnits: 100, Bytes: 100_000}, lost.Sum())
	q.Clear()
	require.Equal(t, lost, q.Lost(), "cleared chunks do not count as lost")
}

// A chunk is accepted at any size if no other media waits. Marks take no room, although the pool may reuse a chunk
// with columns for one.
func TestAQueueTakesALargeChunkBesideMarks(t *testing.T) {
	for _, policy := range []DropPolicy{DropOldest, DropNewest} {
		pool := NewPool(1 << 20)
		set := setOf(t, video())
		madeChunk(pool, set, 0, 0, 1000, 10).Release() // leaves its columns to the mark
		q := NewGOPQueue(pool, GOPLimits{Policy: policy, MaxBytes: 1, MaxSpan: 1})
		mark := pool.NewMark(set, 0, Mark{Kind: MarkEvent})
		require.Positive(t, mark.MemoryBytes())
		q.Put(mark)
		require.Zero(t, q.Held())
		c := madeChunk(pool, set, 1, 0, 25, 1000)
		c.StartsGOP = true
		q.Put(c)
		require.EqualValues(t, c.MemoryBytes(), q.Held())
		q.Next().Release()
		require.EqualValues(t, c.MemoryBytes(), q.Held(), "the mark was taken")
		require.Same(t, c, q.Next())
		require.Zero(t, q.Held())
		require.Zero(t, q.Lost())
		c.Release()
	}
}

// AllowSpan raises the bound until the queue is empty.
func TestAQueueMakesRoomForASpan(t *testing.T) {
	q := NewGOPQueue(NewCheckedPool(), GOPLimits{Policy: DropOldest, MaxSpan: 2 * time.Second})
	q.AllowSpan(4e9)
	gopsOf(t, q, 3)
	require.Equal(t, 6*time.Second, q.Span())
	require.Zero(t, q.Lost())
	takeAll(t, q)
	q.AllowSpan(0)
	gopsOf(t, q, 3)
	require.Equal(t, 2*time.Second, q.Span())
	q.Clear()
}

// A chunk that passes through costs no allocation while the queue is no longer than before, full or not, and however
// much was lost.
func TestAQueueAllocatesNothingPerChunk(t *testing.T) {
	for name, limits := range map[string]GOPLimits{
		"unbounded": {Policy: DropOldest},
		"oldest":    {Policy: DropOldest, MaxSpan: 8 * time.Second},
		"newest":    {Policy: DropNewest, MaxSpan: 8 * time.Second},
	} {
		for _, length := range []int{0, 1, 7} {
			q := NewGOPQueue(NewPool(1<<20), limits)
			set := setOf(t, video())
			c := madeChunk(q.pool, set, 0, 0, 25, 1000)
			c.StartsGOP = true
			pass := func() {
				q.Put(c.Retain())
				q.Next().Release()
			}
			for range length {
				q.Put(c.Retain())
			}
			for range 100 {
				pass()
			}
			require.Zero(t, testing.AllocsPerRun(1000, pass), "%s, %d", name, length)
			require.Equal(t, length, q.Len())
			q.Clear()
			c.Release()
		}
	}
}

// A queue keeps no reference to an element that has left it, in whichever way.
func TestAQueueKeepsNoReferenceToElementsThatLeft(t *testing.T) {
	pool := NewCheckedPool()
	q := NewGOPQueue(pool, GOPLimits{Policy: DropOldest, MaxSpan: 6 * time.Second})
	check := func() {
		kept := 0
		for _, e := range q.room[:cap(q.room)] {
			if e.chunk != nil {
				kept++
			}
		}
		require.Equal(t, q.Len(), kept)
	}
	for range 3 {
		gopsOf(t, q, 5)
		q.Next().Release() // the gap
		q.Next().Release()
		q.Forget(2)
		check()
	}
	q.Forget(q.Len() - 2)
	for range 3 * cap(q.room) { // it slides through its room, and begins there anew
		q.Put(pool.NewMark(nil, 0, Mark{Kind: MarkEvent}))
		q.Next().Release()
		check()
	}
	q.Clear()
	check()
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}
