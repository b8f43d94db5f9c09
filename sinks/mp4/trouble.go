package mp4

import (
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/media"
)

// Trouble is told when a recording finds that the disk takes nothing, with the
// error, and with nil when it takes files again. A program that wants to make room
// at once, or to catch up when the disk is back, provides one (pipeline.Provide).
// It must not wait.
type Trouble func(error)

// trouble is a way in which a disk takes nothing.
type trouble struct {
	problem string      // see pipeline.Problem
	cause   media.Cause // of what is missing for it
	remedy  string
}

// troubles are told apart by the system's error.
var troubles = []struct {
	trouble
	errors []error
}{
	{trouble{"no_inodes", media.GapNoInodes, "the filesystem can hold no more files, whatever room it has: delete files, of any size, or make it anew with more inodes; df -i counts them"},
		[]error{ErrNoInodes}},
	{trouble{"disk_full", media.GapDiskFull, "the disk is full: delete something, or let expire_days or disk_max_percent do it"},
		[]error{unix.ENOSPC}},
	{trouble{"disk_full", media.GapDiskFull, "the disk quota of the user that runs spool is used up, in bytes or in files: raise it, or delete something"},
		[]error{unix.EDQUOT}},
	{trouble{"directory_full", media.GapDiskError, "a directory has as many directories in it as its filesystem can hold: delete some, or let filename_pattern make fewer"},
		[]error{unix.EMLINK}},
	{trouble{"disk_read_only", media.GapDiskError, "the filesystem is read-only: look into the kernel's log, it may have found an error"},
		[]error{unix.EROFS}},
	{trouble{"too_many_open_files", media.GapDiskError, "too many open files: raise the limit with ulimit -n or LimitNOFILE"},
		[]error{unix.EMFILE, unix.ENFILE}},
	{trouble{"no_permission", media.GapDiskError, "give the user that runs spool the right to write here"},
		[]error{unix.EACCES, unix.EPERM}},
	{trouble{"disk_away", media.GapDiskError, "the disk is not there: mount it again"},
		[]error{ErrSwapped, fs.ErrNotExist, unix.ENODEV, unix.ENXIO, unix.ESTALE, unix.ENOTCONN, unix.ESHUTDOWN}},
	{trouble{"disk_hangs", media.GapDiskError, "see whether the server of the disk can be reached, and look into the kernel's log"},
		[]error{ErrHangs}},
	{trouble{"file_too_large", media.GapDiskError, "the file system, or ulimit -f, takes no longer file: the next one is begun"},
		[]error{unix.EFBIG}},
	{trouble{"file_system", media.GapDiskError, "the file system has no such operation: spool check says what it lacks"},
		[]error{unix.ENOSYS, unix.EOPNOTSUPP, unix.ENOLCK, unix.ENOTTY}},
	{trouble{"disk_failed", media.GapDiskError, "the disk failed: look into the kernel's log"},
		[]error{unix.EIO}},
}

// lasting are errors that no disk gets over by itself: a name or a path that cannot be.
var lasting = []error{unix.ENOTDIR, unix.EISDIR, unix.ENAMETOOLONG, unix.EINVAL, unix.EILSEQ, unix.ELOOP}

// troubleOf tells whether an error is that of a disk which may be over.
func troubleOf(err error) (trouble, bool) {
	if slices.ContainsFunc(lasting, func(e error) bool { return errors.Is(err, e) }) {
		return trouble{}, false
	}
	for _, t := range troubles {
		for _, e := range t.errors {
			if errors.Is(err, e) {
				return t.trouble, true
			}
		}
	}
	var errno unix.Errno
	return trouble{"disk_failed", media.GapDiskError, "look into the kernel's log"}, errors.As(err, &errno)
}
