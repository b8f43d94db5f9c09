package playback

import "sync"

// Readers counts who reads which file, so that nothing is deleted under a
// reader. A file is either read by any number or claimed by one deleter.
type Readers struct {
	mu    sync.Mutex     // guards what follows
	files map[string]int // readers; claimed where negative; never 0
}

// Enter lets a reader in, unless the file is claimed.
func (r *Readers) Enter(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files[name] < 0 {
		return false
	}
	if r.files == nil {
		r.files = map[string]int{}
	}
	r.files[name]++
	return true
}

// Leave ends an Enter.
func (r *Readers) Leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files[name]--; r.files[name] == 0 {
		delete(r.files, name)
	}
}

// Claim keeps readers out, unless there is one.
func (r *Readers) Claim(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files[name] != 0 {
		return false
	}
	if r.files == nil {
		r.files = map[string]int{}
	}
	r.files[name] = -1
	return true
}

// Release ends a Claim.
func (r *Readers) Release(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.files, name)
}

// Busy reports whether a file is read or claimed.
func (r *Readers) Busy(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files[name] != 0
}
