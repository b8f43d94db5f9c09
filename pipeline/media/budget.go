package media

import (
	"sync"
)

// Budget bounds the memory of all chunks of a pool, in whichever queue they wait. When it is
// exceeded, it drops whole GOPs: first those of the streams with the lowest priority, and among
// equals from the queue with the most bytes. A nil Budget has no bound.
//
// Lock order: the budget's lock comes before a queue's lock. No caller holds a lock that Shed takes
// while it calls Join, leave or Relieve.
type Budget struct {
	pool     *Pool
	maxBytes int64 // bytes
	priority func(stream string) int

	mu     sync.Mutex // guards what follows
	queues map[*member]struct{}
	dry    uint64 // how often the budget was exceeded and no queue could drop
}

// Queue is a place where chunks wait. Its methods are safe for concurrent use.
type Queue interface {
	// Held returns the bytes that wait.
	Held() int64
	// Shed drops one whole GOP, counts it, and leaves media that can be decoded. It returns false
	// if no GOP may be dropped.
	Shed() bool
}

type member struct {
	queue  Queue
	stream string
	last   bool // drops only when the other queues are empty
}

// NewBudget bounds the memory of a pool's chunks. priority returns the priority of a stream; a
// higher value is more important.
func NewBudget(pool *Pool, maxBytes int64, priority func(stream string) int) *Budget {
	return &Budget{pool: pool, maxBytes: maxBytes, priority: priority, queues: map[*member]struct{}{}}
}

// Join adds a stream's queue until the caller calls leave.
func (b *Budget) Join(stream string, q Queue) (leave func()) {
	return b.join(&member{q, stream, false})
}

// JoinLast adds a queue that drops only when no other queue can: its chunks do not wait to be
// recorded.
func (b *Budget) JoinLast(q Queue) (leave func()) { return b.join(&member{q, "", true}) }

func (b *Budget) join(m *member) (leave func()) {
	if b == nil {
		return func() {}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queues[m] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.queues, m)
	}
}

// Relieve drops until the budget is met or no queue can drop. It is called after a chunk was
// queued, and costs one atomic read while the budget is met.
func (b *Budget) Relieve() {
	if b == nil || b.pool.Memory() <= b.maxBytes {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	empty := map[*member]bool{}
	for b.pool.Memory() > b.maxBytes {
		m := b.next(empty)
		if m == nil {
			b.dry++
			return
		}
		if !m.queue.Shed() {
			empty[m] = true
		}
	}
}

// next returns the queue that drops next, or nil.
func (b *Budget) next(empty map[*member]bool) (best *member) {
	var priority int
	var held int64
	for m := range b.queues {
		if empty[m] {
			continue
		}
		p, h := b.priority(m.stream), m.queue.Held()
		switch {
		case best == nil, best.last && !m.last:
		case m.last != best.last, p > priority, p == priority && h <= held:
			continue
		}
		best, priority, held = m, p, h
	}
	return best
}

// Dry returns how often the budget was exceeded and no queue could drop.
func (b *Budget) Dry() uint64 {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dry
}
