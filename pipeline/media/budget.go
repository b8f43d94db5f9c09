package media

import (
	"sync"
)

// Budget bounds the memory of all the chunks of a pool, wherever they wait. When
// it is passed, whole GOPs are dropped: those of streams with the lowest priority
// first, and among equals from where most is waiting. A nil one bounds nothing.
//
// Lock order: the budget's lock is taken before a queue's. Nobody calls Join, its
// leave or Relieve with a lock that Shed takes.
type Budget struct {
	pool     *Pool
	maxBytes int64 // bytes
	priority func(stream string) int

	mu     sync.Mutex // guards what follows
	queues map[*member]struct{}
	dry    uint64 // times that it was passed and nothing could be dropped
}

// Queue is a place where chunks wait. Its methods are called by any goroutine.
type Queue interface {
	// Held is the bytes that wait.
	Held() int64
	// Shed drops one whole GOP, counted, and leaves what can be decoded. false:
	// there is none that may go.
	Shed() bool
}

type member struct {
	queue  Queue
	stream string
	last   bool // only asked when no other has anything left
}

// NewBudget bounds what the chunks of a pool hold. priority tells that of a
// stream; more is more important.
func NewBudget(pool *Pool, maxBytes int64, priority func(stream string) int) *Budget {
	return &Budget{pool: pool, maxBytes: maxBytes, priority: priority, queues: map[*member]struct{}{}}
}

// Join adds a queue of a stream, until leave is called.
func (b *Budget) Join(stream string, q Queue) (leave func()) {
	return b.join(&member{q, stream, false})
}

// JoinLast adds a queue that drops only when no other can: what it holds is not
// waiting to be recorded.
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

// Relieve drops until the budget is kept, or nothing more may go. It is called
// after something was queued, and costs one atomic read while there is room.
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

// next is the queue that drops next, nil where none is left.
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

// Dry counts how often the budget was passed and nothing could be dropped.
func (b *Budget) Dry() uint64 {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dry
}
