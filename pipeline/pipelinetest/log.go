package pipelinetest

import (
	"strings"
	"sync"
)

// Log keeps what is written to it, to be read while it grows. It is safe for concurrent use.
type Log struct {
	mu   sync.Mutex // guards what follows
	text strings.Builder
}

// Write adds to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns all that was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
