package playback

import "sync"

// Readers counts the readers of each file, so that no file is deleted while it is read. A file is
// either read by any number or claimed by one deleter.
type Readers struct {
	mu    sync.Mutex     // guards the fields below
	files map[string]int // readers; negative: claimed; never 0
}

// Enter counts a reader. It returns false for a claimed file.
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

// Claim claims a file for deletion. It returns false while the file is read or claimed.
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
