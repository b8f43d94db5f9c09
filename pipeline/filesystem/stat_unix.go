//go:build unix

package filesystem

import (
	"io/fs"
	"os"
	"syscall"
)

// Identity identifies a file whatever its name.
type Identity struct{ Device, Inode uint64 }

// Identify returns the identity of the file at a path; false if there is no such file.
func Identify(path string) (Identity, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return Identity{}, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Identity{}, false
	}
	return Identity{uint64(st.Dev), st.Ino}, true
}

// Allocated returns the disk space, in bytes, that a file takes, and the number of its names. ok is false if they are
// unknown.
func Allocated(info fs.FileInfo) (bytes int64, links uint64, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return st.Blocks * 512, uint64(st.Nlink), true
}
