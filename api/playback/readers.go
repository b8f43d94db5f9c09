package playback

import "sync"

// Readers counts the readers of each file by its name, so that no file is deleted while a client reads
// it. A file has any number of readers, or one claim for its deletion, or neither. The zero value is
// ready. It is safe for concurrent use.
type Readers struct {
	mu    sync.Mutex     // guards the fields below
	files map[string]int // number of readers of each file; negative while it is claimed; never 0
}

// Enter counts a reader of a file until Leave. It returns false, and counts none, for a claimed file.
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

// Leave uncounts a reader of a file. A caller calls it once after an Enter that returned true.
func (r *Readers) Leave(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files[name]--; r.files[name] == 0 {
		delete(r.files, name)
	}
}

// Claim reserves a file for deletion until Release. It returns false while the file has readers or is
// claimed.
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

// Release ends the reservation of a file. A caller calls it once after a Claim that returned true.
func (r *Readers) Release(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.files, name)
}

// Busy reports whether a file has readers or is claimed.
func (r *Readers) Busy(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.files[name] != 0
}
