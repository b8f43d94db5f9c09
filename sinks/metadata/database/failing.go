package database

import (
	"sync"
	"time"
)

// Failing is since when the database fails, why and how often. The zero value says
// that it does not.
type Failing struct {
	mu    sync.Mutex // guards what follows
	text  string     // of the last error, free of secrets; empty while the database works
	kind  Trouble
	since time.Time
	tries uint64
}

// Note counts a failure, and reports whether it is the first, or one of another kind
// than the last.
func (f *Failing) Note(text string, kind Trouble, now time.Time) (isNew bool) {
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

// Over says that the database works.
func (f *Failing) Over() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text, f.kind, f.since, f.tries = "", Away, time.Time{}, 0
}

// Read gives the last error, what to do about it, since when and how often it came.
func (f *Failing) Read() (text, advise string, since time.Time, tries uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.text == "" {
		return "", "", time.Time{}, 0
	}
	return f.text, Advice[f.kind], f.since, f.tries
}
