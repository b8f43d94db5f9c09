package disk

import (
	"path/filepath"
	"sync"
	"sync/atomic"
)

// process holds the state of the record directories that this process writes to. It is global
// because the facts are: a file has one writer in a process, and a swapped directory is
// swapped for all pipelines and all later runs.
var process = struct {
	sync.Mutex                           // guards the fields below
	files       map[string]*atomic.Int64 // absolute path of a growing file -> bytes up to its last whole chunk
	directories map[string]string        // absolute path of a record directory -> identity
}{files: map[string]*atomic.Int64{}, directories: map[string]string{}}

// Register publishes a growing file's length. The caller registers the file before it exists, so
// that recovery does not mistake it for one left by a crash.
func Register(path string) *atomic.Int64 {
	process.Lock()
	defer process.Unlock()
	n := new(atomic.Int64)
	process.files[path] = n
	return n
}

// Unregister removes a file that this process no longer writes.
func Unregister(path string) {
	process.Lock()
	defer process.Unlock()
	delete(process.files, path)
}

// GrowingBytes returns the length, up to the last whole chunk, of a file that this process
// writes.
func GrowingBytes(path string) (size int64, ok bool) {
	process.Lock()
	defer process.Unlock()
	n, ok := process.files[path]
	if !ok {
		return 0, false
	}
	return n.Load(), true
}

// RecordedTo reports whether this process has recorded to a directory.
func RecordedTo(dir string) bool {
	process.Lock()
	defer process.Unlock()
	return process.directories[dir] != ""
}

// Absolute returns the form of a path that this package compares.
func Absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return filepath.Clean(path)
}
