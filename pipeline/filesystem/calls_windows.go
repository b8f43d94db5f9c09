package filesystem

import (
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// again makes a call, which Windows never interrupts.
func again(call func() error) error { return call() }

// inDirectory returns the path of a name in an open directory, in the form that system calls take.
func inDirectory(dirfd int, name string) (*uint16, error) {
	dir, err := pathOf(dirfd)
	if err != nil {
		return nil, err
	}
	return windows.UTF16PtrFromString(filepath.Join(dir, name))
}

// pathOf returns the path of an open file, as it is now.
func pathOf(fd int) (string, error) {
	path := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetFinalPathNameByHandle(windows.Handle(fd), &path[0], uint32(len(path)), 0)
	if err != nil {
		return "", err
	}
	return windows.UTF16ToString(path[:min(int(n), len(path))]), nil
}

func move(dirfd int, from, to string, flags uint32) error {
	old, err := inDirectory(dirfd, from)
	if err != nil {
		return err
	}
	name, err := inDirectory(dirfd, to)
	if err != nil {
		return err
	}
	return windows.MoveFileEx(old, name, flags|windows.MOVEFILE_WRITE_THROUGH)
}

// renameNew renames a file inside a directory. The error is syscall.EEXIST if the new name exists.
func renameNew(dirfd int, from, to string) error {
	err := move(dirfd, from, to, 0)
	if Is(err, syscall.EEXIST) {
		return syscall.EEXIST
	}
	return err
}

// renameOver renames a file inside a directory. It replaces a file that has the new name.
func renameOver(dirfd int, from, to string) error {
	return move(dirfd, from, to, windows.MOVEFILE_REPLACE_EXISTING)
}

func linkAt(dirfd int, from, to string) error {
	old, err := inDirectory(dirfd, from)
	if err != nil {
		return err
	}
	name, err := inDirectory(dirfd, to)
	if err != nil {
		return err
	}
	return windows.CreateHardLink(name, old, 0)
}

// unlinkAt removes a file, and no directory.
func unlinkAt(dirfd int, name string) error {
	path, err := inDirectory(dirfd, name)
	if err != nil {
		return err
	}
	return windows.DeleteFile(path)
}

// rmdirAt removes an empty directory, and no file.
func rmdirAt(dirfd int, name string) error {
	path, err := inDirectory(dirfd, name)
	if err != nil {
		return err
	}
	return windows.RemoveDirectory(path)
}

// existsAt returns nil if a directory has the name, be it that of a symbolic link.
func existsAt(dirfd int, name string) error {
	path, err := inDirectory(dirfd, name)
	if err != nil {
		return err
	}
	_, err = windows.GetFileAttributes(path)
	return err
}

// lockFD locks a byte behind the end of any file, because a lock of Windows also bars other processes from reading
// and writing the bytes. Without wait, the error for a locked file is syscall.EWOULDBLOCK by Is.
func lockFD(fd int, mode lockMode, wait bool) error {
	var flags uint32
	if mode == exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	if !wait {
		flags |= windows.LOCKFILE_FAIL_IMMEDIATELY
	}
	at := windows.Overlapped{Offset: 0xfffffffe, OffsetHigh: 0x7fffffff}
	return windows.LockFileEx(windows.Handle(fd), flags, 0, 1, 0, &at)
}

// Exchange returns ENOSYS: the system cannot exchange two files at once.
func Exchange(string, string) error { return syscall.ENOSYS }

// allocateFD reserves disk space beyond the end of the file; it does not change the file's size. NTFS gives the space
// back when the file is closed. It frees none: the error for punchHole is ENOTSUP, because only a sparse file can.
func allocateFD(fd int, mode uint32, off, n int64) error {
	if mode&punchHole != 0 {
		return syscall.ENOTSUP
	}
	var now windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(fd), &now); err != nil {
		return err
	}
	room := off + n
	if size := int64(now.FileSizeHigh)<<32 | int64(now.FileSizeLow); room <= size {
		return nil // to allocate less than the size would cut the file
	}
	return windows.SetFileInformationByHandle(windows.Handle(fd), windows.FileAllocationInfo,
		(*byte)(unsafe.Pointer(&room)), uint32(unsafe.Sizeof(room)))
}

func datasyncFD(fd int) error { return syncFD(fd) }

func syncFD(fd int) error { return windows.FlushFileBuffers(windows.Handle(fd)) }

// syncDirFD returns ENOSYS: Windows cannot sync a directory. NTFS logs the changes of names, in order, and may lose
// the newest of them in a power cut.
func syncDirFD(int) error { return syscall.ENOSYS }

func syncFS(int) error { return syscall.ENOSYS }

func mapPage(fd int) error {
	m, err := windows.CreateFileMapping(windows.Handle(fd), nil, windows.PAGE_READWRITE, 0, 4096, nil)
	if err != nil {
		return err
	}
	return windows.CloseHandle(m)
}

// recordLockFD tries the locks that SQLite uses, and gives the lock back.
func recordLockFD(fd int) error {
	var at windows.Overlapped
	err := windows.LockFileEx(windows.Handle(fd), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if err != nil {
		return err
	}
	return windows.UnlockFileEx(windows.Handle(fd), 0, 1, 0, &at)
}

// chmodFD returns ENOTSUP: files get the access rights of their directory.
func chmodFD(int, uint32) error { return syscall.ENOTSUP }

func chgrpFD(int, int) error { return syscall.ENOTSUP }
