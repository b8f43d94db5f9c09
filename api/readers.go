package api

import "sync"

// readers counts who reads which file, so that nothing is deleted under a
// reader. A file is either read by any number or claimed by one deleter.
type readers struct {
	mu    sync.Mutex
	files map[string]int // readers; claimed where negative; never 0
}

// enter lets a reader in, unless the file is claimed.
func (r *readers) enter(name string) bool {
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

// leave ends an enter.
func (r *readers) leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files[name]--; r.files[name] == 0 {
		delete(r.files, name)
	}
}

// claim keeps readers out, unless there is one.
func (r *readers) claim(name string) bool {
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

// release ends a claim.
func (r *readers) release(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.files, name)
}

// busy reports whether a file is read or claimed.
func (r *readers) busy(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files[name] != 0
}
