package auth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	hashings       = 2    // at once; each holds 19 MiB
	maxWaiting     = 1024 // for their turn
	maxWaitingFrom = 256  // of one address
)

var (
	errBusy   = errors.New("too many passwords wait to be hashed")
	errHungUp = errors.New("the client hung up")
)

// hashing bounds the slow checks: few at once, in the order in which they came, and a
// bounded number that wait. One of the places at work is never taken by second chances:
// it is for who has not failed.
type hashing struct {
	places  chan struct{}
	chances chan struct{} // the places that second chances may take
	took    atomic.Int64  // ns that the newest one took
	done    atomic.Int64  // checks; tests count the work

	mu      sync.Mutex // guards what follows
	waiting map[string]int
	all     int
}

func newHashing() *hashing {
	h := &hashing{places: make(chan struct{}, hashings), chances: make(chan struct{}, hashings-1), waiting: map[string]int{}}
	h.took.Store(int64(20 * time.Millisecond)) // on common machines
	return h
}

// do calls check when its turn has come. It returns errBusy where too many wait, and
// errHungUp where the context ended meanwhile; then check was not called.
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
	h.took.Store(int64(time.Since(began)))
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
