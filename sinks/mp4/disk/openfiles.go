package disk

import (
	"path/filepath"
	"sync"
	"sync/atomic"
)

// process is what this process knows about the record directories it writes to. It
// is process-wide because that is what it is about: a file has one writer in a
// process, and a directory that was swapped is swapped for every pipeline and
// for the runs to come.
var process = struct {
	sync.Mutex                           // guards what follows
	files       map[string]*atomic.Int64 // absolute path of a growing file -> bytes up to its last whole chunk
	directories map[string]string        // absolute path of a record directory -> identity
}{files: map[string]*atomic.Int64{}, directories: map[string]string{}}

// Register makes a growing file's length known. It is called before the file
// exists, so that it is not taken for one left by a crash.
func Register(path string) *atomic.Int64 {
	process.Lock()
	defer process.Unlock()
	n := new(atomic.Int64)
	process.files[path] = n
	return n
}

// Unregister forgets a file that this process writes no more.
func Unregister(path string) {
	process.Lock()
	defer process.Unlock()
	delete(process.files, path)
}

// GrowingBytes returns the length of a file that this process writes, up to its last
// whole chunk.
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

// Absolute is the form of a path that this package compares.
func Absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return filepath.Clean(path)
}
