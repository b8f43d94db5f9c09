package mp4

import (
	"path/filepath"
	"sync"
	"sync/atomic"
)

// open is what this process knows about the record directories it writes to. It
// is process-wide because that is what it is about: a file has one writer in a
// process, and a directory that was swapped is swapped for every pipeline and
// for the runs to come.
var open = struct {
	sync.Mutex
	files       map[string]*atomic.Int64 // absolute path of a growing file -> bytes up to its last whole chunk
	directories map[string]string        // absolute path of a record directory -> identity
}{files: map[string]*atomic.Int64{}, directories: map[string]string{}}

// register makes a growing file's length known. It is called before the file
// exists, so that nobody takes it for one left by a crash.
func register(path string) *atomic.Int64 {
	open.Lock()
	defer open.Unlock()
	n := new(atomic.Int64)
	open.files[path] = n
	return n
}

func unregister(path string) {
	open.Lock()
	defer open.Unlock()
	delete(open.files, path)
}

// writing gives the length of a file that this process writes.
func writing(path string) (size int64, ok bool) {
	open.Lock()
	defer open.Unlock()
	n, ok := open.files[path]
	if !ok {
		return 0, false
	}
	return n.Load(), true
}

// recordedTo reports whether this process has recorded to a directory.
func recordedTo(dir string) bool {
	open.Lock()
	defer open.Unlock()
	return open.directories[dir] != ""
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return filepath.Clean(path)
}
