package database

import (
	"sync"
	"time"
)

// Failing records since when the database fails, why and how often. Its zero value stands for a
// database that works.
type Failing struct {
	mu    sync.Mutex // guards the fields below
	text  string     // the last error, free of secrets; empty while the database works
	kind  Trouble
	since time.Time
	tries uint64
}

// Note counts a failure. It reports whether this is the first failure, or one of another kind
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

// Over notes that the database works again.
func (f *Failing) Over() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text, f.kind, f.since, f.tries = "", Away, time.Time{}, 0
}

// Read returns the last error, advice about it, since when the database fails, and the number of failures.
func (f *Failing) Read() (text, advise string, since time.Time, tries uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.text == "" {
		return "", "", time.Time{}, 0
	}
	return f.text, Advice[f.kind], f.since, f.tries
}
