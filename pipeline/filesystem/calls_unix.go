//go:build unix

package filesystem

import (
	"errors"

	"golang.org/x/sys/unix"
)

// again repeats a call until no signal interrupts it. On FUSE and NFS any call can be interrupted, and the Go
// runtime sends signals to its own threads.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func linkAt(dirfd int, from, to string) error {
	return again(func() error { return unix.Linkat(dirfd, from, dirfd, to, 0) })
}

// renameOver renames a file inside a directory. It replaces a file that has the new name.
func renameOver(dirfd int, from, to string) error {
	return again(func() error { return unix.Renameat(dirfd, from, dirfd, to) })
}

// unlinkAt removes a file, and no directory.
func unlinkAt(dirfd int, name string) error {
	return again(func() error { return unix.Unlinkat(dirfd, name, 0) })
}

// rmdirAt removes an empty directory, and no file.
func rmdirAt(dirfd int, name string) error {
	return again(func() error { return unix.Unlinkat(dirfd, name, unix.AT_REMOVEDIR) })
}

// existsAt returns nil if a directory has the name, be it that of a symbolic link.
func existsAt(dirfd int, name string) error {
	var there unix.Stat_t
	return again(func() error { return unix.Fstatat(dirfd, name, &there, unix.AT_SYMLINK_NOFOLLOW) })
}

// lockFD locks a file for the open file fd. Without wait, the error for a locked file is EWOULDBLOCK.
func lockFD(fd int, mode lockMode, wait bool) error {
	how := unix.LOCK_SH
	if mode == exclusive {
		how = unix.LOCK_EX
	}
	if !wait {
		how |= unix.LOCK_NB
	}
	return again(func() error { return unix.Flock(fd, how) })
}

func syncDirFD(fd int) error { return syncFD(fd) }

func mapPage(fd int) error {
	page, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return unix.Munmap(page)
}

func recordLockFD(fd int) error {
	return again(func() error {
		return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	})
}

func chmodFD(fd int, mode uint32) error {
	return again(func() error { return unix.Fchmod(fd, mode) })
}

func chgrpFD(fd, group int) error {
	return again(func() error { return unix.Fchown(fd, -1, group) })
}
