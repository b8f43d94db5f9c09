package filesystem

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// Calls holds the system calls that a file system may refuse. Tests replace some of them; nil means the call of
// the operating system.
type Calls struct {
	Renameat2 func(dirfd int, from, to string) error // with RENAME_NOREPLACE, inside one directory
	Linkat    func(dirfd int, from, to string) error
	Flock     func(fd int) error // exclusive lock, without waiting
	Fallocate func(fd int, mode uint32, off, n int64) error
	Fdatasync func(fd int) error
	Fsync     func(fd int) error
	FsyncDir  func(fd int) error
	Syncfs    func(fd int) error
	Mmap      func(fd int) error // maps one page shared and unmaps it, without access to it
	Setlk     func(fd int) error // POSIX record lock on a whole file
	Fchmod    func(fd int, mode uint32) error
	Fchown    func(fd, group int) error
}

// call is the name of a system call, or of a feature, in a report.
type call string

const (
	renameNoReplace call = "RENAME_NOREPLACE"
	link            call = "hard links"
	lock            call = "flock"
	allocate        call = "fallocate"
	punch           call = "holes (FALLOC_FL_PUNCH_HOLE)"
	datasync        call = "fdatasync"
	sync            call = "fsync"
	syncDir         call = "fsync of a directory"
	mapping         call = "shared memory (mmap)"
	recordLock      call = "record locks (fcntl)"
	chmod           call = "permissions"
)

// refusals lists the errors with which a file system refuses a call that it does not have. The errors were found
// in ext4, xfs, btrfs, vfat, NFS, SMB, 9p, Lustre and several FUSE file systems. EPERM is also the error of
// system call filters in containers.
var refusals = map[call][]error{
	renameNoReplace: {unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM},
	link:            {unix.EPERM, unix.ENOSYS, unix.EOPNOTSUPP, unix.EINVAL, unix.EMLINK, unix.EXDEV, unix.ENOTTY},
	lock:            {unix.ENOSYS, unix.ENOLCK, unix.EOPNOTSUPP, unix.EINVAL, unix.ENOTTY},
	allocate:        {unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL, unix.ENODEV, unix.ENOTTY, unix.EPERM},
	punch:           {unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL, unix.ENODEV, unix.ENOTTY, unix.EPERM},
	datasync:        {unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.ENOTTY},
	sync:            {unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.ENOTTY},
	syncDir:         {unix.EINVAL, unix.EBADF, unix.EISDIR, unix.ENOSYS, unix.EOPNOTSUPP, unix.ENOTTY},
	mapping:         {unix.ENODEV, unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP},
	recordLock:      {unix.ENOLCK, unix.ENOSYS, unix.EINVAL, unix.EOPNOTSUPP},
	chmod:           {unix.EPERM, unix.EACCES, unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL},
}

// refused reports whether err means that the file system does not have the call c.
func refused(c call, err error) bool {
	return slices.ContainsFunc(refusals[c], func(e error) bool { return errors.Is(err, e) })
}

// again repeats a call until no signal interrupts it. On FUSE and NFS any call can be interrupted, and the Go
// runtime sends signals to its own threads.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (c *Calls) renameat2(dirfd int, from, to string) error {
	if c.Renameat2 != nil {
		return c.Renameat2(dirfd, from, to)
	}
	return again(func() error { return unix.Renameat2(dirfd, from, dirfd, to, unix.RENAME_NOREPLACE) })
}

func (c *Calls) linkat(dirfd int, from, to string) error {
	if c.Linkat != nil {
		return c.Linkat(dirfd, from, to)
	}
	return again(func() error { return unix.Linkat(dirfd, from, dirfd, to, 0) })
}

func (c *Calls) flock(fd int) error {
	if c.Flock != nil {
		return c.Flock(fd)
	}
	return again(func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
}

func (c *Calls) fallocate(fd int, mode uint32, off, n int64) error {
	if c.Fallocate != nil {
		return c.Fallocate(fd, mode, off, n)
	}
	return again(func() error { return unix.Fallocate(fd, mode, off, n) })
}

func (c *Calls) fdatasync(fd int) error {
	if c.Fdatasync != nil {
		return c.Fdatasync(fd)
	}
	return again(func() error { return unix.Fdatasync(fd) })
}

func (c *Calls) fsync(fd int) error {
	if c.Fsync != nil {
		return c.Fsync(fd)
	}
	return again(func() error { return unix.Fsync(fd) })
}

func (c *Calls) fsyncDir(fd int) error {
	if c.FsyncDir != nil {
		return c.FsyncDir(fd)
	}
	return again(func() error { return unix.Fsync(fd) })
}

func (c *Calls) syncfs(fd int) error {
	if c.Syncfs != nil {
		return c.Syncfs(fd)
	}
	return again(func() error { return unix.Syncfs(fd) })
}

// mmap tests whether a page of the file can be mapped. It does not access the page: on a stalled disk the page
// fault would block the thread outside of a system call, and so stall the process.
func (c *Calls) mmap(fd int) error {
	if c.Mmap != nil {
		return c.Mmap(fd)
	}
	page, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return unix.Munmap(page)
}

func (c *Calls) setlk(fd int) error {
	if c.Setlk != nil {
		return c.Setlk(fd)
	}
	return again(func() error {
		return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	})
}

func (c *Calls) fchmod(fd int, mode uint32) error {
	if c.Fchmod != nil {
		return c.Fchmod(fd, mode)
	}
	return again(func() error { return unix.Fchmod(fd, mode) })
}

func (c *Calls) fchown(fd, group int) error {
	if c.Fchown != nil {
		return c.Fchown(fd, group)
	}
	return again(func() error { return unix.Fchown(fd, -1, group) })
}
