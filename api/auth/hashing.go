package auth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	hashings       = 2    // number of passwords hashed at once; each takes 19 MiB
	maxWaiting     = 1024 // largest number of checks that run or wait
	maxWaitingFrom = 256  // largest number of checks from one address that run or wait
)

var (
	errBusy   = errors.New("too many passwords wait to be hashed")
	errHungUp = errors.New("the client hung up")
)

// hashing bounds the checks that hash a password. At most hashings of them run at once, and the
// others wait in the order of their arrival. Beyond maxWaiting checks, or maxWaitingFrom of one
// address, a further check is refused. Second chances (see verifier) occupy at most all places but
// one, so that one place remains for other checks.
type hashing struct {
	places  chan struct{} // semaphore of the running checks
	chances chan struct{} // semaphore of the second chances that run or wait for places
	tookNS  atomic.Int64  // duration of the newest check, in nanoseconds
	done    atomic.Int64  // number of finished checks; only tests read it

	mu      sync.Mutex     // guards the fields below
	waiting map[string]int // number of checks that run or wait, by address
	all     int            // sum of waiting
}

func newHashing() *hashing {
	h := &hashing{places: make(chan struct{}, hashings), chances: make(chan struct{}, hashings-1), waiting: map[string]int{}}
	h.tookNS.Store(int64(20 * time.Millisecond)) // typical duration, until the first check has finished
	return h
}

// do calls check as soon as a place is free. chance reports that the check is a second chance. do
// returns errBusy, without a check, if too many checks wait already, and errHungUp if ctx ends
// before a place is free.
func (h *hashing) do(ctx context.Context, address string, chance bool, check func()) error {
	if !h.enter(address) {
		return errBusy
	}
	defer h.leave(address)
	for _, place := range []chan struct{}{h.chances, h.places} {
		if place == h.chances && !chance {
			continue
		}
		select {
		case place <- struct{}{}:
			defer func() { <-place }()
		case <-ctx.Done():
			return errHungUp
		}
	}
	if ctx.Err() != nil {
		return errHungUp
	}
	began := time.Now()
	check()
	h.tookNS.Store(int64(time.Since(began)))
	h.done.Add(1)
	return nil
}

func (h *hashing) enter(address string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all >= maxWaiting || h.waiting[address] >= maxWaitingFrom {
		return false
	}
	h.all++
	h.waiting[address]++
	return true
}

func (h *hashing) leave(address string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all--
	if h.waiting[address]--; h.waiting[address] == 0 {
		delete(h.waiting, address)
	}
}
