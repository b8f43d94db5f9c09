package disk

import (
	"path/filepath"
	"sync"
	"sync/atomic"
)

// process holds the state of the record directories that this process records to. It is global
// because all pipelines and runs of the process share it: a file has one writer, and a directory
// that was swapped is swapped for all of them.
var process = struct {
	sync.Mutex                           // guards the fields below
	files       map[string]*atomic.Int64 // absolute path of a growing file -> bytes up to its last whole chunk
	directories map[string]string        // absolute path of a record directory -> identity
}{files: map[string]*atomic.Int64{}, directories: map[string]string{}}

// Register records that this process writes the file at an absolute path. The writer stores the
// file's length up to the last whole chunk, in bytes, in the result. It must call Register before
// it creates the file, so that recovery does not mistake the file for one that a crash left.
func Register(path string) *atomic.Int64 {
	process.Lock()
	defer process.Unlock()
	n := new(atomic.Int64)
	process.files[path] = n
	return n
}

// Unregister records that this process no longer writes a file.
func Unregister(path string) {
	process.Lock()
	defer process.Unlock()
	delete(process.files, path)
}

// GrowingBytes returns the length up to the last whole chunk, in bytes, of a file that this
// process writes. ok is false for any other file.
func GrowingBytes(path string) (size int64, ok bool) {
	process.Lock()
	defer process.Unlock()
	n, ok := process.files[path]
	if !ok {
		return 0, false
	}
	return n.Load(), true
}

// RecordedTo reports whether this process has recorded to the directory at an absolute path.
func RecordedTo(dir string) bool {
	process.Lock()
	defer process.Unlock()
	return process.directories[dir] != ""
}

// Absolute returns a path as an absolute one, without . and .. and double slashes: this package
// compares paths in this form.
func Absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return filepath.Clean(path)
}
