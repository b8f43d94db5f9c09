package ingest

import (
	"sync"
	"sync/atomic"
)

// units is the pool of unused units of all streams. Few units are in use at a time. If each stream kept its own unused
// units, some of these would be as large as its key frames.
var units = newUnitPool()

// The bounds of the memory of unused units, in bytes.
const (
	maxIdleBytes       = 2 << 20 // of all unused units
	maxIdleUnit        = maxIdleBytes / 4
	maxIdleCommonBytes = maxIdleBytes / 2
	maxIdleShardBytes  = (maxIdleBytes - maxIdleCommonBytes) / unitShards // of a shard; a key frame seldom fits
)

// unitShards is the number of shards of the pool. The readers of many streams wake at the same time; with shards
// they seldom wait for each other.
const unitShards = 16

// unitPool keeps unused units. Each feed takes its units from one shard and returns them there. A unit that is too
// large for its shard, or that finds the shard full, goes into a common list, from which empty shards take units.
// It is safe for concurrent use.
type unitPool struct {
	next   atomic.Uint32
	shards [unitShards]unitShard
	common idleUnits
}

// unitShard is the part of the pool for every 16th feed (unitShards). It is safe for concurrent use.
type unitShard struct {
	idle   idleUnits
	common *idleUnits
	_      [64]byte // keeps the next shard in another cache line
}

func newUnitPool() *unitPool {
	p := &unitPool{}
	for i := range p.shards {
		p.shards[i].common = &p.common
	}
	return p
}

// shard returns the shard for a new feed.
func (p *unitPool) shard() *unitShard { return &p.shards[p.next.Add(1)%unitShards] }

// take returns an empty unit.
func (s *unitShard) take() *Unit {
	if u := s.idle.take(); u != nil {
		return u
	}
	if u := s.common.take(); u != nil {
		return u
	}
	return &Unit{}
}

// put returns an unused unit to the shard, or to the common list if the shard has no room for it. It leaves the
// unit to the garbage collector if the common list has no room either, or if the unit is larger than maxIdleUnit.
func (s *unitShard) put(u *Unit) {
	u.reset()
	n := u.HeldBytes()
	if n <= maxIdleUnit && !s.idle.put(u, n, maxIdleShardBytes) {
		s.common.put(u, n, maxIdleCommonBytes)
	}
}

// idleUnits is a list of unused units, bounded by their memory (see put). It is safe for concurrent use.
type idleUnits struct {
	mu    sync.Mutex // guards the fields below
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

// put keeps unit u, which takes the given bytes of memory, if the list then has at most `most` bytes. It reports
// whether it kept u.
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

// HeldBytes returns about how many bytes of memory the unit takes, used or reserved.
func (u *Unit) HeldBytes() int {
	return 256 + cap(u.buf) + 8*(cap(u.ends)+cap(u.gaps)) + 24*cap(u.view)
}
