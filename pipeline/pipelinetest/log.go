package pipelinetest

import (
	"strings"
	"sync"
)

// Log is an io.Writer that stores the text of a log for a test. It is safe for concurrent use.
type Log struct {
	mu   sync.Mutex // guards the following field
	text strings.Builder
}

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns the text written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
