package ingest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// All feeds together have a bound: a feed above its share is refused, and a feed that holds little never is.
func TestFeedsShareWhatTheyMayTake(t *testing.T) {
	c := newMemoryTotal(10 << 20)
	greedy, modest, little := newFeedMemory(c), newFeedMemory(c), newFeedMemory(c)
	require.True(t, greedy.grow(9<<20))
	require.True(t, modest.grow(4<<20), "less than half")
	require.True(t, little.grow(700<<10))
	require.False(t, greedy.grow(1), "there is too much, and it has the most of it")
	require.True(t, modest.grow(100<<10))
	require.True(t, greedy.grow(-8<<20))
	require.True(t, greedy.grow(1<<20))
	for _, s := range []*feedMemory{&greedy, &modest, &little} {
		s.grow(int(-s.heldBytes))
	}
	require.LessOrEqual(t, c.heldBytes.Load(), int64(3*2*reportStepBytes))
	require.Zero(t, c.largeFeeds.Load())
	alone := newFeedMemory(newMemoryTotal(1 << 40))
	require.True(t, alone.grow(maxFeedBytes))
	require.False(t, alone.grow(1))
}

// A unit that grew beyond a normal size does not keep its memory.
func TestAGrownUnitIsNotKept(t *testing.T) {
	p := newUnitPool()
	u := &Unit{}
	u.Put(make([]byte, maxIdleUnit))
	p.shard().put(u)
	require.Zero(t, p.bytes())
}

func TestTheBytesOfAnAccessUnitAreBounded(t *testing.T) {
	u := &Unit{}
	u.Begin()
	u.Add(make([]byte, maxUnitBytes)...)
	require.Empty(t, u.over)
	u.Add(1)
	require.Equal(t, media.DropTooLarge, u.over)
	require.Zero(t, u.HeldBytes()-(&Unit{}).HeldBytes(), "and given back")
}

// Units that wait for times proceed without them when they take too much memory.
func TestUnitsThatWaitForTimesAreBoundedInMemory(t *testing.T) {
	gone := 0
	out := func(*Unit) { gone++ }
	r, s := withDepth(maxDepth), &spread{repaired: func(uint64) {}}
	s.reset(maxDepth, 90000)
	for i := range int64(9) {
		r.push(&Unit{PTS: i * 3600, buf: make([]byte, 2<<20)}, out)
		s.push(&Unit{PTS: i * 3600, buf: make([]byte, 2<<20)}, out)
		require.Equal(t, i*(2<<20) >= maxTrackBytes-2<<20, gone > 0, "unit %d", i)
	}
	require.GreaterOrEqual(t, gone, 16)
}
