package filesystem

import (
	"errors"
	"fmt"
	"io/fs"
	stdsync "sync"

	"golang.org/x/sys/unix"
)

// naming is held from the look at a name until it is taken, where a file system can
// do no such thing in one step. It excludes this process only.
var naming stdsync.Mutex

// RenameNew gives a file another name in its directory. EEXIST: the name is taken.
//
// With hard links in the place of RENAME_NOREPLACE a crash may leave both names.
// Without either, a name that another process takes in the same instant is lost to it:
// its file is replaced.
func (c *Calls) RenameNew(dirfd int, from, to string) error {
	err := c.renameat2(dirfd, from, to)
	if !refused(renameNoReplace, err) {
		return err
	}
	err = c.linkat(dirfd, from, to)
	if err == nil {
		return again(func() error { return unix.Unlinkat(dirfd, from, 0) })
	}
	if !refused(link, err) {
		return err
	}
	naming.Lock()
	defer naming.Unlock()
	var there unix.Stat_t
	err = again(func() error { return unix.Fstatat(dirfd, to, &there, unix.AT_SYMLINK_NOFOLLOW) })
	switch {
	case err == nil:
		return unix.EEXIST
	case !errors.Is(err, unix.ENOENT):
		return err
	}
	return again(func() error { return unix.Renameat(dirfd, from, dirfd, to) })
}

// Datasync makes a file's bytes and its size durable.
func (c *Calls) Datasync(fd int) error {
	err := c.fdatasync(fd)
	if refused(datasync, err) {
		return c.Sync(fd)
	}
	return err
}

// Sync makes a file durable with everything that is known about it.
func (c *Calls) Sync(fd int) error {
	err := c.fsync(fd)
	if refused(sync, err) {
		return nil
	}
	return err
}

// SyncDir makes the names in a directory durable. Where that cannot be done for one
// directory, all of the file system is synced.
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

// Allocate takes room without changing the file's size. errors.ErrUnsupported: the
// file system sets none aside.
func (c *Calls) Allocate(fd int, off, n int64) error {
	return unsupported(allocate, c.fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, off, n))
}

// Punch gives room back; what was there reads as zeros. errors.ErrUnsupported: the
// file system gives none back, and the bytes are as they were.
func (c *Calls) Punch(fd int, off, n int64) error {
	return unsupported(punch, c.fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n))
}

// Chmod gives a file its mode. A file system that has none keeps its own, which is no error:
// Probe says so.
func (c *Calls) Chmod(fd int, mode fs.FileMode) error {
	return orKept(c.fchmod(fd, uint32(mode.Perm())))
}

// Chgrp gives a file to a group, as Chmod does with its mode.
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
