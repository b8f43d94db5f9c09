package pipeline

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff computes the wait before a failed operation is repeated. The wait doubles with each failure, up to
// Max. A random part of up to one half is subtracted, so that many operations that failed together do not
// repeat together.
type Backoff struct {
	Min, Max time.Duration // first and longest wait; 0 means 0.5 s and 30 s
	fails    int
}

// Next counts a failure and returns the wait that follows it.
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

// Reset sets the count of failures to 0 after a success.
func (b *Backoff) Reset() { b.fails = 0 }

// settled separates two kinds of failed attempts: an attempt that lasted longer had worked before it failed, so
// Backoff.Failed does not count the failures before it.
const settled = time.Minute

// Failed counts an attempt that failed after the duration lasted, and returns the wait before the next attempt. If
// the attempt lasted more than a minute, the earlier failures do not count, so the wait is short again.
func (b *Backoff) Failed(lasted time.Duration) time.Duration {
	if lasted > settled {
		b.Reset()
	}
	return b.Next()
}

// Sleep waits until d has passed on the clock, until ctx ends, or until early is closed or delivers. It returns
// true if d has passed.
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
