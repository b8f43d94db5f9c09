//go:build darwin || freebsd

package filesystem

import "golang.org/x/sys/unix"

// typeOf returns the type of the mounted file system that contains a path. It returns "unknown" if the type cannot be
// determined.
func typeOf(path string) string {
	var s unix.Statfs_t
	if unix.Statfs(path, &s) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(s.Fstypename[:])
}

// OnThisMachine reports whether a directory is on a file system that only one machine can mount at
// a time. It returns false if the file system is unknown.
func OnThisMachine(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && uint64(s.Flags)&unix.MNT_LOCAL != 0
}
