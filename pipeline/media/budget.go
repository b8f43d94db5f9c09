package media

import (
	"sync"
)

// Budget bounds the memory of all chunks of a pool, regardless of the queue in which they wait. When the memory
// exceeds the bound, Relieve drops whole GOPs: first what viewers watch, then from the queues of the streams with the
// lowest priority, and among streams of equal priority from the queue with the most bytes. A nil *Budget has no bound.
//
// Lock order: the budget's lock is taken before a queue's lock. A caller of Join, JoinFirst, JoinLast, leave or Relieve
// must not hold a lock that a method of a queue takes.
type Budget struct {
	pool     *Pool
	maxBytes int64 // the bound of Pool.Memory
	priority func(stream string) int

	mu     sync.Mutex // guards the following fields
	queues map[*member]struct{}
	dry    uint64 // number of calls of Relieve that could not meet the budget
}

// Queue is a queue of chunks from which a Budget may drop. Its methods are safe for concurrent use.
type Queue interface {
	// Held returns the bytes of the queued chunks.
	Held() int64
	// Shed drops one whole GOP and counts it, so that the remaining media can be decoded. It returns false if
	// the queue has no GOP that it may drop.
	Shed() bool
}

type member struct {
	queue  Queue
	stream string
	turn   turn
}

// turn orders the queues before their priorities do.
type turn int

const (
	watched  turn = iota // JoinFirst
	recorded             // Join
	spare                // JoinLast
)

// NewBudget returns a budget of maxBytes for the chunks of a pool. priority returns the priority of a stream; a
// higher value is more important.
func NewBudget(pool *Pool, maxBytes int64, priority func(stream string) int) *Budget {
	return &Budget{pool: pool, maxBytes: maxBytes, priority: priority, queues: map[*member]struct{}{}}
}

// Join adds the queue of a stream. The caller calls leave to remove it.
func (b *Budget) Join(stream string, q Queue) (leave func()) {
	return b.join(&member{q, stream, recorded})
}

// JoinFirst adds a queue from which the budget drops before it drops from any queue of Join, because its chunks wait for
// viewers alone. The caller calls leave to remove the queue.
func (b *Budget) JoinFirst(q Queue) (leave func()) { return b.join(&member{q, "", watched}) }

// JoinLast adds a queue from which the budget drops only when no other queue can drop, because its chunks do
// not wait to be recorded. The caller calls leave to remove the queue.
func (b *Budget) JoinLast(q Queue) (leave func()) { return b.join(&member{q, "", spare}) }

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

// Relieve drops GOPs until the memory is within the budget or no queue can drop. The owner of a queue calls it
// after it queued a chunk. The call costs one atomic read while the memory is within the budget.
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

// next returns the queue from which Relieve drops a GOP now, or nil if all queues are in empty. empty holds the
// queues whose Shed has returned false.
func (b *Budget) next(empty map[*member]bool) (best *member) {
	var priority int
	var held int64
	for m := range b.queues {
		if empty[m] {
			continue
		}
		p, h := b.priority(m.stream), m.queue.Held()
		switch {
		case best == nil, m.turn < best.turn:
		case m.turn > best.turn, p > priority, p == priority && h <= held:
			continue
		}
		best, priority, held = m, p, h
	}
	return best
}

// Dry returns the number of calls of Relieve that could not meet the budget because no queue could drop.
func (b *Budget) Dry() uint64 {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dry
}
