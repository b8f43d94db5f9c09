package auth

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
)

const (
	placesOf     = 4            // number of checks of one address that may fail in the time secondChance: see turns
	maxTurns     = 4 * placesOf // largest number of checks in the queue of an address: the last one waits up to 4 s
	maxAddresses = 4096         // largest number of addresses that turns remembers
)

// turns limits the rate of checks from addresses with too many failures, where a check is quick. An
// address has placesOf places, and each of its checks waits, in the order of arrival, until a place is
// free. A check that fails then occupies the place for secondChance, even after its client has
// disconnected; one that succeeds does not. So an address has at most placesOf failed checks a second.
// The check of a client that has disconnected while waiting is skipped. It is safe for concurrent use.
type turns struct {
	clock pipeline.Clock

	mu    sync.Mutex          // guards the fields below
	of    map[string]*turnsOf // states of the remembered client addresses, by address
	swept time.Time           // when makeRoom last removed idle addresses
}

// turnsOf holds the state of one client address in turns: its places, which a failed check occupies
// for secondChance, and the queue of the checks that wait for a place.
type turnsOf struct {
	held    [placesOf]time.Time // for each place: the time until which it is occupied
	waiting []*turn             // queue of the checks that wait; only the first may use a free place
}

// turn is a check in the queue of a client address (see turns). The goroutine of the check waits for
// the channels first and gone, which other goroutines close.
type turn struct {
	ctx   context.Context // ends when the client disconnects
	first chan struct{}   // closed when the turn has become the first of the queue
	gone  chan struct{}   // closed when the turn was removed from the queue because ctx has ended
}

func newTurn(ctx context.Context) *turn {
	return &turn{ctx, make(chan struct{}), make(chan struct{})}
}

func newTurns(clock pipeline.Clock) *turns {
	return &turns{clock: clock, of: map[string]*turnsOf{}}
}

// do puts a check in the queue of an address (see turns). When the check is the first in the queue and
// a place is free, do calls check and returns its result. It returns errBusy, without a call of check,
// if too many checks of the address wait already, and errHungUp if ctx ends before.
func (t *turns) do(ctx context.Context, address string, check func() bool) (right bool, err error) {
	me := newTurn(ctx)
	q := t.enter(address, me)
	if q == nil {
		return false, errBusy
	}
	return t.await(q, me, check)
}

// await waits until the check me is the first in the queue q and a place of q is free (see turns),
// then calls check and returns its result. It returns errHungUp, and does not call check, if the
// client disconnects before.
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

// enter adds the check me to the queue of an address and returns the queue. It returns nil if the
// queue is full, or if turns remembers too many addresses. It first removes the checks of disconnected
// clients from the queue.
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

// makeRoom removes the idle addresses if maxAddresses addresses are remembered. An address is idle if
// no check of it waits and no failed check occupies a place (see turns). makeRoom does nothing within
// secondChance of its previous removal. The caller holds t.mu.
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

// try calls check if a place of q is free (see turns), removes the check me from q, and returns wait 0
// and the result of check in right. If no place is free, it returns in wait the time until one is
// free. It returns errHungUp, and does not call check, if the client has disconnected.
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

// leave removes the check me from the queue, if it is in the queue, and notifies the check that is now
// the first. The caller holds turns.mu.
func (q *turnsOf) leave(me *turn) {
	q.waiting = slices.DeleteFunc(q.waiting, func(other *turn) bool { return other == me })
	q.next()
}

// next notifies the first check of the queue, if there is one, that it is the first. It does nothing
// if that check was notified before.
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
