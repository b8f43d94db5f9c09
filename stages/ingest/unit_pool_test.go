package ingest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// bytes returns the memory of all idle units; it inspects each of them.
func (p *unitPool) bytes() (n int) {
	lists := []*idleUnits{&p.common}
	for i := range p.shards {
		lists = append(lists, &p.shards[i].idle)
	}
	for _, l := range lists {
		l.mu.Lock()
		n += memoryOf(l.units)
		if l.bytes != memoryOf(l.units) {
			panic("the list has counted wrong")
		}
		l.mu.Unlock()
	}
	return n
}

func unitOf(bytes int) *Unit {
	u := &Unit{}
	u.Put(make([]byte, bytes))
	return u
}

func TestIdleUnitsHaveABound(t *testing.T) {
	p := newUnitPool()
	for _, bytes := range []int{500_000, 40_000, 3000, 100} {
		for range min(8000, 4*maxIdleBytes/bytes) {
			p.shard().put(unitOf(bytes))
		}
		require.LessOrEqual(t, p.bytes(), maxIdleBytes, "of all feeds together")
	}
	require.Greater(t, p.bytes(), maxIdleBytes*3/4)
	for i := range p.shards {
		for range 10_000 {
			p.shards[i].take()
		}
	}
	require.Zero(t, p.bytes())
}

func TestTheNewestUnitOfAFeedIsUsedAgain(t *testing.T) {
	p := newUnitPool()
	own, other := p.shard(), p.shard()
	require.NotSame(t, own, other)
	first, last := unitOf(100), unitOf(100)
	own.put(first)
	own.put(last)
	require.NotSame(t, last, other.take(), "feeds of another shard do not use it")
	require.Same(t, last, own.take(), "the newest is in the caches")
	require.Zero(t, last.Size())
	require.Same(t, first, own.take())
}

// A key frame is too large for a shard: the common list has some room for those of all shards.
func TestLargeUnitsAreForAll(t *testing.T) {
	p := newUnitPool()
	large := unitOf(maxIdleShardBytes + 1)
	p.shard().put(large)
	require.Same(t, large, p.shard().take())
}

// Feeds of one shard do not share a unit.
func TestAUnitIsTakenOnce(t *testing.T) {
	p := newUnitPool()
	var wg sync.WaitGroup
	for range 2 * unitShards {
		s := p.shard()
		wg.Go(func() {
			for i := range 2000 {
				u := s.take()
				u.PTS++
				if u.PTS != 1 || u.Size() != 0 {
					panic("a unit is used twice")
				}
				u.Put(make([]byte, i%300*100))
				s.put(u)
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, p.bytes(), maxIdleBytes)
}
