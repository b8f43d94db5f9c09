package disk

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
)

// Trouble is the class of a disk error that may end without a change of the configuration.
type Trouble struct {
	Problem string      // one word that identifies the class: see pipeline.Problem
	Cause   media.Cause // cause of the gap in the recording
	Remedy  string      // a sentence for the operator
}

// troubles lists the classes with the errors that belong to each. The first match counts.
var troubles = []struct {
	Trouble
	errors []error
}{
	{Trouble{"no_inodes", media.GapNoInodes, "the filesystem can hold no more files, whatever room it has: delete files, of any size, or recreate it with more inodes; df -i counts them"},
		[]error{ErrNoInodes}},
	{Trouble{"disk_full", media.GapDiskFull, "the disk is full: delete something, or let expire_days or disk_max_percent do it"},
		[]error{syscall.ENOSPC}},
	{Trouble{"disk_full", media.GapDiskFull, "the disk quota of the user that runs spool is used up, in bytes or in files: raise it, or delete something"},
		[]error{syscall.EDQUOT}},
	{Trouble{"directory_full", media.GapDiskError, "a directory has as many directories in it as its filesystem can hold: delete some, or let filename_pattern make fewer"},
		[]error{syscall.EMLINK}},
	{Trouble{"disk_read_only", media.GapDiskError, "the filesystem is read-only: look into the kernel's log, it may have found an error"},
		[]error{syscall.EROFS}},
	{Trouble{"too_many_open_files", media.GapDiskError, "too many open files: raise the limit with ulimit -n or LimitNOFILE"},
		[]error{syscall.EMFILE, syscall.ENFILE}},
	{Trouble{"no_permission", media.GapDiskError, "give the user that runs spool the right to write here"},
		[]error{syscall.EACCES, syscall.EPERM}},
	{Trouble{"disk_away", media.GapDiskError, "the disk is not there: mount it again"},
		[]error{ErrSwapped, fs.ErrNotExist, syscall.ENODEV, syscall.ENXIO, syscall.ESTALE, syscall.ENOTCONN, syscall.ESHUTDOWN}},
	{Trouble{"disk_hangs", media.GapDiskError, "see whether the server of the disk can be reached, and look into the kernel's log"},
		[]error{ErrHangs}},
	{Trouble{"file_too_large", media.GapDiskError, "the file system, or ulimit -f, permits no larger file: the next file begins"},
		[]error{syscall.EFBIG}},
	{Trouble{"file_system", media.GapDiskError, "the file system lacks an operation: spool check lists the missing ones"},
		[]error{syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.ENOLCK, syscall.ENOTTY}},
	{Trouble{"disk_failed", media.GapDiskError, "the disk failed: look into the kernel's log"},
		[]error{syscall.EIO}},
}

// permanent lists errors that do not end without a change of the configuration: the name or the path
// is impossible.
var permanent = []error{syscall.ENOTDIR, syscall.EISDIR, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.EILSEQ, syscall.ELOOP}

// TroubleOf returns the Trouble of a disk error and true. It returns false for a permanent error,
// such as an impossible name, and for an error that no disk caused.
func TroubleOf(err error) (Trouble, bool) {
	if filesystem.IsAny(err, permanent...) {
		return Trouble{}, false
	}
	for _, t := range troubles {
		for _, e := range t.errors {
			if filesystem.Is(err, e) {
				return t.Trouble, true
			}
		}
	}
	var errno syscall.Errno
	return Trouble{"disk_failed", media.GapDiskError, "look into the kernel's log"}, errors.As(err, &errno)
}
