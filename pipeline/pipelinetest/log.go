package pipelinetest

import (
	"strings"
	"sync"
)

// Log stores the bytes written to it. It can be read while it grows, and is safe for concurrent
// use.
type Log struct {
	mu   sync.Mutex // guards what follows
	text strings.Builder
}

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns the text so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
