//go:build !portable

package filesystem

import "golang.org/x/sys/unix"

// renameNew renames a file inside a directory. The error is EEXIST if the new name exists.
func renameNew(dirfd int, from, to string) error {
	return again(func() error { return unix.Renameat2(dirfd, from, dirfd, to, unix.RENAME_NOREPLACE) })
}

// Exchange exchanges two files at once.
func Exchange(a, b string) error {
	return again(func() error { return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE) })
}

// allocateFD reserves or frees disk space as mode says: see keepSize and punchHole.
func allocateFD(fd int, mode uint32, off, n int64) error {
	return again(func() error { return unix.Fallocate(fd, mode, off, n) })
}

func datasyncFD(fd int) error { return again(func() error { return unix.Fdatasync(fd) }) }

func syncFD(fd int) error { return again(func() error { return unix.Fsync(fd) }) }

// syncFS makes everything on a file system durable.
func syncFS(fd int) error { return again(func() error { return unix.Syncfs(fd) }) }
