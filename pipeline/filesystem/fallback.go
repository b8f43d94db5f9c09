package filesystem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	stdsync "sync"
	"syscall"
)

// naming is held from the check that a name is free to the rename to that name, on a file system without an
// atomic call for both. It excludes only other goroutines of this process.
var naming stdsync.Mutex

// RenameNew renames a file inside its directory. It returns EEXIST if the new name exists.
//
// If it must use a hard link instead of RENAME_NOREPLACE, a crash may leave both names. If the file system has
// neither, RenameNew may replace a file that another process creates under the new name at the same instant.
func (c *Calls) RenameNew(dirfd int, from, to string) error {
	err := c.renameat2(dirfd, from, to)
	if !refused(renameNoReplace, err) {
		return err
	}
	err = c.linkat(dirfd, from, to)
	if err == nil {
		return unlinkAt(dirfd, from)
	}
	if !refused(link, err) {
		return err
	}
	naming.Lock()
	defer naming.Unlock()
	err = existsAt(dirfd, to)
	switch {
	case err == nil:
		return syscall.EEXIST
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return renameOver(dirfd, from, to)
}

// Datasync makes the bytes and the size of a file durable. If the file system refuses fdatasync, it calls Sync.
func (c *Calls) Datasync(fd int) error {
	err := c.fdatasync(fd)
	if refused(datasync, err) {
		return c.Sync(fd)
	}
	return err
}

// Sync makes the bytes and the metadata of a file durable. On a file system that refuses fsync it has no effect
// and returns nil; Probe reports such a file system.
func (c *Calls) Sync(fd int) error {
	err := c.fsync(fd)
	if refused(sync, err) {
		return nil
	}
	return err
}

// SyncDir makes the names in a directory durable. If the file system cannot sync a directory, SyncDir syncs the
// whole file system. If that is refused, too, it returns nil; Probe reports such a file system.
func (c *Calls) SyncDir(fd int) error {
	err := c.fsyncDir(fd)
	if refused(syncDir, err) {
		err = c.syncfs(fd)
	}
	if refused(syncDir, err) {
		return nil
	}
	return err
}

// SyncFS makes everything on a file system durable; dir is a directory there. It returns errors.ErrUnsupported if the
// platform cannot do that.
func (c *Calls) SyncFS(dir *os.File) error { return unsupported(syncDir, c.syncfs(int(dir.Fd()))) }

// RemoveDir removes an empty directory, given by its name in dir. It removes no file.
func RemoveDir(dir *os.File, name string) error { return rmdirAt(int(dir.Fd()), name) }

// Allocate reserves disk space for n bytes at offset off. It does not change the size of the file. It returns
// errors.ErrUnsupported if the file system cannot reserve space.
func (c *Calls) Allocate(fd int, off, n int64) error {
	return unsupported(allocate, c.fallocate(fd, keepSize, off, n))
}

// Punch frees the disk space of n bytes at offset off, which then read as zeros. It returns
// errors.ErrUnsupported if the file system cannot do that; the bytes are then unchanged.
func (c *Calls) Punch(fd int, off, n int64) error {
	return unsupported(punch, c.fallocate(fd, punchHole|keepSize, off, n))
}

// Chmod sets the mode of a file. On a file system without modes it has no effect and returns nil; Probe reports
// such a file system.
func (c *Calls) Chmod(fd int, mode fs.FileMode) error {
	return orKept(c.fchmod(fd, uint32(mode.Perm())))
}

// Chgrp sets the group of a file. On a file system without groups it has no effect and returns nil.
func (c *Calls) Chgrp(fd, group int) error { return orKept(c.fchown(fd, group)) }

func orKept(err error) error {
	if refused(chmod, err) {
		return nil
	}
	return err
}

func unsupported(what call, err error) error {
	if refused(what, err) {
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}
