//go:build unix

package filesystem

import "golang.org/x/sys/unix"

// Flags for opening a file, besides those of package os.
const (
	Directory = unix.O_DIRECTORY // fails unless the name is that of a directory
	NoFollow  = unix.O_NOFOLLOW  // fails if the name is that of a symbolic link
)
