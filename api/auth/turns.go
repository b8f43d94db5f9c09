package auth

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
)

const (
	placesOf     = 4            // of an address; a wrong check holds one for secondChance
	maxTurns     = 4 * placesOf // that wait at an address: the last one waits 4 s
	maxAddresses = 4096         // with places at once
)

// turns bounds the quick checks of addresses after too many failures. An address has a few places,
// and a wrong check holds one for a second, even after its client has disconnected. A right check
// holds none. Both wait for a free place in the order of their arrival, so that the time of an
// answer reveals nothing. The turn of a disconnected client is skipped without a check.
type turns struct {
	clock pipeline.Clock

	mu    sync.Mutex // guards the fields below
	of    map[string]*turnsOf
	swept time.Time // last removal of addresses without a held place
}

// turnsOf holds the places of an address and the turns that wait for one.
type turnsOf struct {
	held    [placesOf]time.Time // end of each hold
	waiting []*turn             // the first is the next
}

// turn is a waiting check. Another goroutine closes its channels.
type turn struct {
	ctx   context.Context
	first chan struct{} // closed when the turn is the next
	gone  chan struct{} // closed when the turn was removed because its client has disconnected
}

func newTurn(ctx context.Context) *turn {
	return &turn{ctx, make(chan struct{}), make(chan struct{})}
}

func newTurns(clock pipeline.Clock) *turns {
	return &turns{clock: clock, of: map[string]*turnsOf{}}
}

// do calls check when a place of the address is free. After errBusy (too many wait) and errHungUp
// (the context ended), check was not called.
func (t *turns) do(ctx context.Context, address string, check func() bool) (right bool, err error) {
	me := newTurn(ctx)
	q := t.enter(address, me)
	if q == nil {
		return false, errBusy
	}
	return t.await(q, me, check)
}

// await calls check in its turn.
func (t *turns) await(q *turnsOf, me *turn, check func() bool) (right bool, err error) {
	select {
	case <-me.first:
	case <-me.gone:
		return false, errHungUp
	case <-me.ctx.Done():
		t.leave(q, me)
		return false, errHungUp
	}
	for {
		wait, right, err := t.try(q, me, check)
		if wait == 0 {
			return right, err
		}
		passed, stop := t.clock.After(wait)
		select {
		case <-passed:
		case <-me.gone:
		case <-me.ctx.Done():
		}
		stop()
	}
}

// enter adds a turn to the queue. It returns nil for a full queue.
func (t *turns) enter(address string, me *turn) *turnsOf {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.of[address]
	if q == nil {
		if t.makeRoom(); len(t.of) >= maxAddresses {
			return nil
		}
		q = &turnsOf{}
		t.of[address] = q
	}
	q.waiting = slices.DeleteFunc(q.waiting, func(other *turn) bool {
		if other.ctx.Err() == nil {
			return false
		}
		close(other.gone)
		return true
	})
	if len(q.waiting) >= maxTurns {
		return nil
	}
	q.waiting = append(q.waiting, me)
	q.next()
	return q
}

// makeRoom removes addresses without a held place, once there are many.
func (t *turns) makeRoom() {
	now := t.clock.Now()
	if len(t.of) < maxAddresses || now.Sub(t.swept) < secondChance {
		return
	}
	t.swept = now
	for address, q := range t.of {
		if len(q.waiting) == 0 && !slices.ContainsFunc(q.held[:], now.Before) {
			delete(t.of, address)
		}
	}
}

// try calls check if a place is free, else it returns how long to wait for one.
func (t *turns) try(q *turnsOf, me *turn, check func() bool) (wait time.Duration, right bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if me.ctx.Err() != nil {
		q.leave(me)
		return 0, false, errHungUp
	}
	now := t.clock.Now()
	place := 0
	for i, until := range q.held {
		if until.Before(q.held[place]) {
			place = i
		}
	}
	if wait := q.held[place].Sub(now); wait > 0 {
		return wait, false, nil
	}
	if right = check(); !right {
		q.held[place] = now.Add(secondChance)
	}
	q.leave(me)
	return 0, right, nil
}

func (t *turns) leave(q *turnsOf, me *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q.leave(me)
}

// leave removes a turn from the queue, if it is there, and starts the next one.
func (q *turnsOf) leave(me *turn) {
	q.waiting = slices.DeleteFunc(q.waiting, func(other *turn) bool { return other == me })
	q.next()
}

// next notifies the first turn of the queue.
func (q *turnsOf) next() {
	if len(q.waiting) == 0 {
		return
	}
	select {
	case <-q.waiting[0].first:
	default:
		close(q.waiting[0].first)
	}
}
