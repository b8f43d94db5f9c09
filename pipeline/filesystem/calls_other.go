//go:build unix && !darwin && (!linux || portable)

package filesystem

import "golang.org/x/sys/unix"

// The calls of this file return ENOSYS for what POSIX lacks. The callers then do without, and Probe reports it.
// With the build tag portable, Linux uses them too, so that the tests run them.

func renameNew(int, string, string) error { return unix.ENOSYS }

// Exchange returns ENOSYS: the system cannot exchange two files at once.
func Exchange(string, string) error { return unix.ENOSYS }

// allocateFD returns ENOSYS: posix_fallocate changes the size of the file, which a reader must not see.
func allocateFD(int, uint32, int64, int64) error { return unix.ENOSYS }

func datasyncFD(fd int) error { return syncFD(fd) }

func syncFD(fd int) error { return again(func() error { return unix.Fsync(fd) }) }

func syncFS(int) error { return unix.ENOSYS }
