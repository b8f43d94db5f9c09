package pipeline

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff computes the wait before a failed operation is repeated: doubled after each failure, up
// to Max, less a random part of up to one half, so that many operations that failed together do not
// return together.
type Backoff struct {
	Min, Max time.Duration // 0 means 0.5 s and 30 s
	fails    int
}

// Next counts a failure and returns the wait after it.
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

// Reset forgets the failures because the operation has worked.
func (b *Backoff) Reset() { b.fails = 0 }

// settled is the duration of an attempt that counts as a success even if it ended with an error.
const settled = time.Minute

// Failed returns the wait after a failed attempt that lasted so long.
func (b *Backoff) Failed(lasted time.Duration) time.Duration {
	if lasted > settled {
		b.Reset()
	}
	return b.Next()
}

// Sleep waits on a clock for d, or until ctx ends, or until early is closed or delivers. It reports
// whether the whole time passed.
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
