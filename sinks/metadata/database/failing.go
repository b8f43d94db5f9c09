package database

import (
	"sync"
	"time"
)

// Failing records since when the database fails, why and how often. The zero value means that the
// database works. The methods are safe for concurrent use.
type Failing struct {
	mu    sync.Mutex // guards the fields below
	text  string     // the last error, free of secrets; empty while the database works
	kind  Trouble    // kind of the last error
	since time.Time  // time of the first failure
	tries uint64     // number of failures since then
}

// Note counts a failure with the error's text and kind. It returns true if the database worked
// before, or if the last error was of another kind.
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

// Over records that the database works again.
func (f *Failing) Over() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text, f.kind, f.since, f.tries = "", Away, time.Time{}, 0
}

// Read returns the last error (text), the remedy for it (advise, empty if Advice has none), the
// time of the first failure, and the number of failures. All are zero while the database works.
func (f *Failing) Read() (text, advise string, since time.Time, tries uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.text == "" {
		return "", "", time.Time{}, 0
	}
	return f.text, Advice[f.kind], f.since, f.tries
}
