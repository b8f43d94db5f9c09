package auth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	hashings       = 2    // at once; each uses 19 MiB
	maxWaiting     = 1024 // checks that wait
	maxWaitingFrom = 256  // of one address
)

var (
	errBusy   = errors.New("too many passwords wait to be hashed")
	errHungUp = errors.New("the client hung up")
)

// hashing bounds the slow checks: few run at once, in the order of their arrival, and a bounded
// number wait. Second chances never take the last place: it is reserved for names without failures.
type hashing struct {
	places  chan struct{}
	chances chan struct{} // places that second chances may take
	tookNS  atomic.Int64  // duration of the newest check, ns
	done    atomic.Int64  // finished checks; tests read it

	mu      sync.Mutex // guards the fields below
	waiting map[string]int
	all     int
}

func newHashing() *hashing {
	h := &hashing{places: make(chan struct{}, hashings), chances: make(chan struct{}, hashings-1), waiting: map[string]int{}}
	h.tookNS.Store(int64(20 * time.Millisecond)) // typical duration
	return h
}

// do calls check when a place is free. After errBusy (too many wait) and errHungUp (the context
// ended), check was not called.
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
