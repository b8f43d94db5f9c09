package filesystem

import "syscall"

// Calls holds the system calls that a file system may refuse. Tests replace some of them; nil means the call of
// the operating system: see calls_linux.go, calls_windows.go and their neighbours. A descriptor fd is a file
// descriptor, or the handle of an open file of Windows.
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

// Modes of Calls.Fallocate, with the values of Linux.
const (
	keepSize  = 1 // FALLOC_FL_KEEP_SIZE
	punchHole = 2 // FALLOC_FL_PUNCH_HOLE
)

// lockMode is the kind of a lock on a file.
type lockMode bool

const (
	shared    lockMode = false
	exclusive lockMode = true
)

// refusals lists the errors with which a file system refuses a call that it does not have. The errors were found
// in ext4, xfs, btrfs, vfat, NFS, SMB, 9p, Lustre and several FUSE file systems. EPERM is also the error of
// system call filters in containers.
var refusals = map[call][]error{
	renameNoReplace: {syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.EPERM},
	link:            {syscall.EPERM, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.EINVAL, syscall.EMLINK, syscall.EXDEV, syscall.ENOTTY},
	lock:            {syscall.ENOSYS, syscall.ENOLCK, syscall.EOPNOTSUPP, syscall.EINVAL, syscall.ENOTTY},
	allocate:        {syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EINVAL, syscall.ENODEV, syscall.ENOTTY, syscall.EPERM},
	punch:           {syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EINVAL, syscall.ENODEV, syscall.ENOTTY, syscall.EPERM},
	datasync:        {syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.ENOTTY},
	sync:            {syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.ENOTTY},
	syncDir:         {syscall.EINVAL, syscall.EBADF, syscall.EISDIR, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.ENOTTY},
	mapping:         {syscall.ENODEV, syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP},
	recordLock:      {syscall.ENOLCK, syscall.ENOSYS, syscall.EINVAL, syscall.EOPNOTSUPP},
	chmod:           {syscall.EPERM, syscall.EACCES, syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EINVAL},
}

// refused reports whether err means that the file system does not have the call c.
func refused(c call, err error) bool {
	return IsAny(err, refusals[c]...)
}

func (c *Calls) renameat2(dirfd int, from, to string) error {
	if c.Renameat2 != nil {
		return c.Renameat2(dirfd, from, to)
	}
	return renameNew(dirfd, from, to)
}

func (c *Calls) linkat(dirfd int, from, to string) error {
	if c.Linkat != nil {
		return c.Linkat(dirfd, from, to)
	}
	return linkAt(dirfd, from, to)
}

func (c *Calls) flock(fd int) error {
	if c.Flock != nil {
		return c.Flock(fd)
	}
	return lockFD(fd, exclusive, false)
}

func (c *Calls) fallocate(fd int, mode uint32, off, n int64) error {
	if c.Fallocate != nil {
		return c.Fallocate(fd, mode, off, n)
	}
	return allocateFD(fd, mode, off, n)
}

func (c *Calls) fdatasync(fd int) error {
	if c.Fdatasync != nil {
		return c.Fdatasync(fd)
	}
	return datasyncFD(fd)
}

func (c *Calls) fsync(fd int) error {
	if c.Fsync != nil {
		return c.Fsync(fd)
	}
	return syncFD(fd)
}

func (c *Calls) fsyncDir(fd int) error {
	if c.FsyncDir != nil {
		return c.FsyncDir(fd)
	}
	return syncDirFD(fd)
}

func (c *Calls) syncfs(fd int) error {
	if c.Syncfs != nil {
		return c.Syncfs(fd)
	}
	return syncFS(fd)
}

// mmap tests whether a page of the file can be mapped. It does not access the page: on a stalled disk the page
// fault would block the thread outside of a system call, and so stall the process.
func (c *Calls) mmap(fd int) error {
	if c.Mmap != nil {
		return c.Mmap(fd)
	}
	return mapPage(fd)
}

func (c *Calls) setlk(fd int) error {
	if c.Setlk != nil {
		return c.Setlk(fd)
	}
	return recordLockFD(fd)
}

func (c *Calls) fchmod(fd int, mode uint32) error {
	if c.Fchmod != nil {
		return c.Fchmod(fd, mode)
	}
	return chmodFD(fd, mode)
}

func (c *Calls) fchown(fd, group int) error {
	if c.Fchown != nil {
		return c.Fchown(fd, group)
	}
	return chgrpFD(fd, group)
}
