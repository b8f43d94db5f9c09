package command

import "sync"

// LastOutput is an io.Writer that keeps the last MaxOutputBytes bytes. It is safe for concurrent use.
type LastOutput struct {
	mu sync.Mutex // guards b
	b  []byte
}

// MaxOutputBytes is the number of bytes that a LastOutput keeps.
const MaxOutputBytes = 4096

// Write appends p and removes the oldest bytes beyond MaxOutputBytes.
func (o *LastOutput) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b = append(o.b, p[max(len(p)-MaxOutputBytes, 0):]...)
	o.b = append(o.b[:0], o.b[max(len(o.b)-MaxOutputBytes, 0):]...)
	return len(p), nil
}

// String returns the kept bytes.
func (o *LastOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.b)
}
