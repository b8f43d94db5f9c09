package pipeline

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff is how long to wait before a failed thing is tried again: twice as
// long after each failure, up to Max, less up to a half at random so that many
// that failed together do not come back together.
type Backoff struct {
	Min, Max time.Duration // 0.5 s and 30 s where not set
	fails    int
}

// Next returns the wait after one more failure.
func (b *Backoff) Next() time.Duration {
	lo, hi := b.Min, b.Max
	if lo <= 0 {
		lo = 500 * time.Millisecond
	}
	if hi <= 0 {
		hi = 30 * time.Second
	}
	d := hi
	if b.fails < 16 {
		d = min(lo<<b.fails, hi)
	}
	b.fails++
	return d - rand.N(d/2+1)
}

// Reset forgets the failures: the thing has worked.
func (b *Backoff) Reset() { b.fails = 0 }

// settled is how long an attempt lasts that has worked, however it ended: the next
// failure waits the shortest time again.
const settled = time.Minute

// Failed returns the wait after an attempt that lasted so long and failed.
func (b *Backoff) Failed(lasted time.Duration) time.Duration {
	if lasted > settled {
		b.Reset()
	}
	return b.Next()
}

// Sleep waits on a clock for so long, or less: until ctx ends, or early is closed or
// gives something. It reports whether the whole time passed.
func Sleep(ctx context.Context, clock Clock, d time.Duration, early <-chan struct{}) bool {
	c, stop := clock.After(d)
	defer stop()
	select {
	case <-c:
		return true
	case <-early:
	case <-ctx.Done():
	}
	return false
}
