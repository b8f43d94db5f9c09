package recorder_test

import (
	"sync"
	"time"
)

// handClock is a clock whose waits the test ends.
type handClock struct {
	mu    sync.Mutex
	now   time.Time
	waits map[chan time.Time]time.Duration
}

func newHandClock() *handClock {
	return &handClock{now: time.Unix(1000, 0), waits: map[chan time.Time]time.Duration{}}
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) After(d time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	c.waits[ch] = d
	return ch, func() { c.mu.Lock(); defer c.mu.Unlock(); delete(c.waits, ch) }
}

// pass lets time go by, which ends no wait.
func (c *handClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fire ends every wait of exactly d and reports how many there were.
func (c *handClock) fire(d time.Duration) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for ch, w := range c.waits {
		if w == d {
			ch <- c.now
			delete(c.waits, ch)
			n++
		}
	}
	return n
}

// pending lists the waits under way.
func (c *handClock) pending() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []time.Duration
	for _, d := range c.waits {
		out = append(out, d)
	}
	return out
}

// set turns the hand clock.
func (c *handClock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}
