package playback

import (
	"errors"
	"sync"
	"time"
)

// Readers counts the readers of each file by its name, so that a file is not deleted while a client reads it. A
// client that reads slowly, or again and again, delays the deletion by Patience at most: what it reads at that time
// stays readable, what it asks for later is gone. The zero value is ready. It is safe for concurrent use.
type Readers struct {
	mu    sync.Mutex      // guards the fields below
	files map[string]*use // each that is in use, or was not long ago when it should have been deleted
	swept int             // files that were left by the last call of sweep
}

// use is the state of a file. A claimed file gets no further readers.
type use struct {
	readers, holders int
	claimed          bool
	wanted           time.Time // first Claim that was refused; zero: none
}

func (u *use) idle() bool { return u.readers == 0 && u.holders == 0 && !u.claimed }

// Patience is the time for which the readers of a file delay its deletion.
const Patience = 10 * time.Minute

// Enter counts a reader of a file until Leave. It returns false, and counts none, for a claimed file.
func (r *Readers) Enter(name string) bool { return r.enter(name, func(u *use) { u.readers++ }) }

// Leave uncounts a reader of a file. A caller calls it once after an Enter that returned true.
func (r *Readers) Leave(name string) { r.leave(name, func(u *use) { u.readers-- }) }

// ErrBusy reports that a file is being deleted.
var ErrBusy = errors.New("the recording is being deleted")

// Reading counts a reader of each of some files until leave is called, once. The error is ErrBusy; then it counts none.
func (r *Readers) Reading(names ...string) (leave func(), err error) {
	return r.all(names, func(u *use, n int) { u.readers += n })
}

// Holding is Reading for a reader that delays the deletion of the files however long it takes: an export.
func (r *Readers) Holding(names ...string) (leave func(), err error) {
	return r.all(names, func(u *use, n int) { u.holders += n })
}

func (r *Readers) all(names []string, count func(u *use, n int)) (leave func(), err error) {
	entered := 0
	leave = func() {
		for _, name := range names[:entered] {
			r.leave(name, func(u *use) { count(u, -1) })
		}
	}
	for _, name := range names {
		if !r.enter(name, func(u *use) { count(u, 1) }) {
			leave()
			return nil, ErrBusy
		}
		entered++
	}
	return leave, nil
}

func (r *Readers) enter(name string, count func(*use)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.of(name)
	if u.claimed {
		return false
	}
	count(u)
	return true
}

func (r *Readers) leave(name string, uncount func(*use)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.files[name]
	if uncount(u); u.idle() && u.wanted.IsZero() {
		delete(r.files, name)
	}
}

// of returns the state of a file. The caller holds r.mu.
func (r *Readers) of(name string) *use {
	u := r.files[name]
	if u == nil {
		if r.files == nil {
			r.files = map[string]*use{}
		}
		u = &use{}
		r.files[name] = u
	}
	return u
}

// Claim reserves a file for deletion until Release. It returns false while the file is held or claimed, and while it
// has readers, until Patience after the first such call. now is the time of the call.
func (r *Readers) Claim(name string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.of(name)
	if u.claimed {
		return false
	}
	waited := !u.wanted.IsZero() && now.Sub(u.wanted) >= Patience
	if u.holders == 0 && (u.readers == 0 || waited) {
		u.claimed = true
		return true
	}
	if u.wanted.IsZero() || now.Before(u.wanted) { // the clock was set
		u.wanted = now
	}
	r.sweep(now)
	return false
}

// sweep forgets files that are not in use, and whose deletion is not tried any more. The caller holds r.mu.
func (r *Readers) sweep(now time.Time) {
	if len(r.files) <= 2*r.swept+1024 {
		return
	}
	for name, u := range r.files {
		if u.idle() && now.Sub(u.wanted) > 2*Patience {
			delete(r.files, name)
		}
	}
	r.swept = len(r.files)
}

// Release ends the reservation of a file. A caller calls it once after a Claim that returned true.
func (r *Readers) Release(name string) {
	r.leave(name, func(u *use) { u.claimed, u.wanted = false, time.Time{} })
}

// Busy reports whether a file has readers, is held or is claimed.
func (r *Readers) Busy(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.files[name]
	return u != nil && !u.idle()
}
