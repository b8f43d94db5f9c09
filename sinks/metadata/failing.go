package metadata

import (
	"sync"
	"time"
)

// failing is since when the database fails, why and how often. The zero value says
// that it does not.
type failing struct {
	mu    sync.Mutex
	text  string // of the last error, free of secrets; empty while the database works
	kind  trouble
	since time.Time
	tries uint64
}

// note counts a failure, and reports whether it is the first, or one of another kind
// than the last.
func (f *failing) note(text string, kind trouble, now time.Time) (isNew bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	isNew = f.text == "" || f.kind != kind
	if f.text == "" {
		f.since, f.tries = now, 0
	}
	f.text, f.kind = text, kind
	f.tries++
	return isNew
}

// over says that the database works.
func (f *failing) over() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text, f.kind, f.since, f.tries = "", away, time.Time{}, 0
}

// read gives the last error, what to do about it, since when and how often it came.
func (f *failing) read() (text, advise string, since time.Time, tries uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.text == "" {
		return "", "", time.Time{}, 0
	}
	return f.text, advice[f.kind], f.since, f.tries
}
