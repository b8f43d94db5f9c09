package ingest

import "sync"

// idle is the units that nobody fills, of all streams. Few are filled at a time,
// but a stream that kept its own would keep some as large as its key frames.
var idle idleUnits

// The bounds of the memory of units that are kept for the next ones.
const (
	maxIdle     = 2 << 20 // of all
	maxIdleUnit = maxIdle / 4
)

// idleUnits keeps units for reuse, the newest first. It is safe for concurrent
// use.
type idleUnits struct {
	mu    sync.Mutex
	units []*Unit
	bytes int
}

func (i *idleUnits) take() *Unit {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := len(i.units) - 1
	if n < 0 {
		return &Unit{}
	}
	u := i.units[n]
	i.units[n] = nil
	i.units = i.units[:n]
	i.bytes -= u.memory()
	return u
}

// put takes a unit back. Beyond the bounds it is left to the collector.
func (i *idleUnits) put(u *Unit) {
	u.reset()
	i.mu.Lock()
	defer i.mu.Unlock()
	if n := u.memory(); n <= maxIdleUnit && i.bytes+n <= maxIdle {
		i.units = append(i.units, u)
		i.bytes += n
	}
}

// memory is what a unit takes, about.
func (u *Unit) memory() int { return 256 + cap(u.buf) + 8*(cap(u.ends)+cap(u.gaps)) + 24*cap(u.view) }
