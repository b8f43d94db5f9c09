package filesystem

import (
	"errors"

	"golang.org/x/sys/unix"
)

// renameNew renames a file inside a directory. The error is EEXIST if the new name exists.
func renameNew(dirfd int, from, to string) error {
	return again(func() error { return unix.RenameatxNp(dirfd, from, dirfd, to, unix.RENAME_EXCL) })
}

// Exchange exchanges two files at once.
func Exchange(a, b string) error {
	return again(func() error { return unix.RenameatxNp(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_SWAP) })
}

// allocateFD reserves disk space beyond the end of the file; it does not change the file's size. It frees none: the
// error for punchHole is ENOTSUP, because F_PUNCHHOLE takes whole blocks only.
func allocateFD(fd int, mode uint32, off, n int64) error {
	if mode&punchHole != 0 {
		return unix.ENOTSUP
	}
	var s unix.Stat_t
	if err := again(func() error { return unix.Fstat(fd, &s) }); err != nil {
		return err
	}
	more := off + n - max(s.Size, s.Blocks*512)
	if more <= 0 {
		return nil
	}
	want := unix.Fstore_t{Flags: unix.F_ALLOCATEALL, Posmode: unix.F_PEOFPOSMODE, Length: more}
	return again(func() error { return unix.FcntlFstore(uintptr(fd), unix.F_PREALLOCATE, &want) })
}

func datasyncFD(fd int) error { return syncFD(fd) }

// syncFD also empties the cache of the disk, which fsync of macOS does not. A file system without F_FULLFSYNC, such
// as one of the network, gets fsync.
func syncFD(fd int) error {
	err := again(func() error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_FULLFSYNC, 0)
		return err
	})
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
		return again(func() error { return unix.Fsync(fd) })
	}
	return err
}

// syncFS returns ENOSYS: macOS can sync files and directories only.
func syncFS(int) error { return unix.ENOSYS }
