package auth

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
)

const (
	placesOf     = 4            // of an address; each is held for secondChance by what was wrong
	maxTurns     = 4 * placesOf // that wait at an address: so many that the last one waits 4 s
	maxAddresses = 4096         // that have places at once
)

// turns bounds quick checks of addresses that have failed too often: an address has a few
// places, and what is wrong holds one for a second, also after its client has hung up. What
// is right holds none. Both wait for a free place in the order in which they came, so that
// the time of an answer tells nothing before the turn has come. A client that has hung up
// loses its turn: it is never checked.
type turns struct {
	clock pipeline.Clock

	mu    sync.Mutex // guards what follows
	of    map[string]*turnsOf
	swept time.Time // when addresses without a place were last forgotten
}

// turnsOf are the places of an address and who waits for one.
type turnsOf struct {
	held    [placesOf]time.Time // until when
	waiting []*turn             // the first is the next
}

// turn is one that waits. Both channels are closed by another one.
type turn struct {
	ctx   context.Context
	first chan struct{} // it is the next
	gone  chan struct{} // its client has hung up, and it waits no more
}

func newTurn(ctx context.Context) *turn {
	return &turn{ctx, make(chan struct{}), make(chan struct{})}
}

func newTurns(clock pipeline.Clock) *turns {
	return &turns{clock: clock, of: map[string]*turnsOf{}}
}

// do calls check when a place of the address is free. It returns errBusy where too many
// wait, and errHungUp where the context ended meanwhile; then check was not called.
func (t *turns) do(ctx context.Context, address string, check func() bool) (right bool, err error) {
	me := newTurn(ctx)
	q := t.enter(address, me)
	if q == nil {
		return false, errBusy
	}
	return t.await(q, me, check)
}

// await calls check when the turn has come.
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

// enter joins those that wait. It returns nil where they are too many.
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

// makeRoom forgets addresses without any place held, once there are many.
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

// try checks if a place is free, and else returns how long to wait for one.
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

// leave ends the wait of one, if that has not happened. The next one's turn comes.
func (q *turnsOf) leave(me *turn) {
	q.waiting = slices.DeleteFunc(q.waiting, func(other *turn) bool { return other == me })
	q.next()
}

// next tells the first that it is.
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
