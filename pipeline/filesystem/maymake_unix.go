//go:build unix

package filesystem

import "golang.org/x/sys/unix"

// MayMakeFiles returns an error if this process may not make files in a directory. It makes none.
func MayMakeFiles(dir string) error {
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}
