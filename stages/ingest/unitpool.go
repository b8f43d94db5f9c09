package ingest

import (
	"sync"
	"sync/atomic"
)

// units is the units that nobody fills, of all streams. Few are filled at a time,
// but a stream that kept its own would keep some as large as its key frames.
var units = newUnitPool()

// The bounds of the memory of units that are kept for the next ones, in bytes.
const (
	maxIdle       = 2 << 20 // of all
	maxIdleUnit   = maxIdle / 4
	maxIdleCommon = maxIdle / 2
	maxIdleShard  = (maxIdle - maxIdleCommon) / unitShards // pictures between key frames
)

// unitShards are what the pool is divided into, so that the readers of many streams,
// which wake at one beat, seldom wait for each other.
const unitShards = 16

// unitPool keeps units for reuse, the newest first. Each feed takes from one shard
// and gives back to it; what is too large for a shard, or too much, goes into a list
// that is common to all, and comes from there where the shard is empty. It is safe
// for concurrent use.
type unitPool struct {
	next   atomic.Uint32
	shards [unitShards]unitShard
	common idleUnits
}

// unitShard is used by every unitShards-th feed.
type unitShard struct {
	idle   idleUnits
	common *idleUnits
	_      [64]byte // the next shard is in another line of the caches
}

func newUnitPool() *unitPool {
	p := &unitPool{}
	for i := range p.shards {
		p.shards[i].common = &p.common
	}
	return p
}

// shard gives a feed its shard.
func (p *unitPool) shard() *unitShard { return &p.shards[p.next.Add(1)%unitShards] }

// take gives an empty unit.
func (s *unitShard) take() *Unit {
	if u := s.idle.take(); u != nil {
		return u
	}
	if u := s.common.take(); u != nil {
		return u
	}
	return &Unit{}
}

// put takes a unit back. Beyond the bounds it is left to the collector.
func (s *unitShard) put(u *Unit) {
	u.reset()
	n := u.HeldBytes()
	if n <= maxIdleUnit && !s.idle.put(u, n, maxIdleShard) {
		s.common.put(u, n, maxIdleCommon)
	}
}

// idleUnits is a bounded list of units. It is safe for concurrent use.
type idleUnits struct {
	mu    sync.Mutex // guards what follows
	units []*Unit
	bytes int
}

func (i *idleUnits) take() *Unit {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := len(i.units) - 1
	if n < 0 {
		return nil
	}
	u := i.units[n]
	i.units[n] = nil
	i.units = i.units[:n]
	i.bytes -= u.HeldBytes()
	return u
}

// put reports whether there was room for a unit of so many bytes.
func (i *idleUnits) put(u *Unit, bytes, most int) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.bytes+bytes > most {
		return false
	}
	i.units = append(i.units, u)
	i.bytes += bytes
	return true
}

// HeldBytes returns the memory that a unit takes, about.
func (u *Unit) HeldBytes() int {
	return 256 + cap(u.buf) + 8*(cap(u.ends)+cap(u.gaps)) + 24*cap(u.view)
}
