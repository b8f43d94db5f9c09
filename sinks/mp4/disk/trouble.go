package disk

import (
	"errors"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

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
		[]error{unix.ENOSPC}},
	{Trouble{"disk_full", media.GapDiskFull, "the disk quota of the user that runs spool is used up, in bytes or in files: raise it, or delete something"},
		[]error{unix.EDQUOT}},
	{Trouble{"directory_full", media.GapDiskError, "a directory has as many directories in it as its filesystem can hold: delete some, or let filename_pattern make fewer"},
		[]error{unix.EMLINK}},
	{Trouble{"disk_read_only", media.GapDiskError, "the filesystem is read-only: look into the kernel's log, it may have found an error"},
		[]error{unix.EROFS}},
	{Trouble{"too_many_open_files", media.GapDiskError, "too many open files: raise the limit with ulimit -n or LimitNOFILE"},
		[]error{unix.EMFILE, unix.ENFILE}},
	{Trouble{"no_permission", media.GapDiskError, "give the user that runs spool the right to write here"},
		[]error{unix.EACCES, unix.EPERM}},
	{Trouble{"disk_away", media.GapDiskError, "the disk is not there: mount it again"},
		[]error{ErrSwapped, fs.ErrNotExist, unix.ENODEV, unix.ENXIO, unix.ESTALE, unix.ENOTCONN, unix.ESHUTDOWN}},
	{Trouble{"disk_hangs", media.GapDiskError, "see whether the server of the disk can be reached, and look into the kernel's log"},
		[]error{ErrHangs}},
	{Trouble{"file_too_large", media.GapDiskError, "the file system, or ulimit -f, permits no larger file: the next file begins"},
		[]error{unix.EFBIG}},
	{Trouble{"file_system", media.GapDiskError, "the file system lacks an operation: spool check lists the missing ones"},
		[]error{unix.ENOSYS, unix.EOPNOTSUPP, unix.ENOLCK, unix.ENOTTY}},
	{Trouble{"disk_failed", media.GapDiskError, "the disk failed: look into the kernel's log"},
		[]error{unix.EIO}},
}

// permanent lists errors that do not end without a change of the configuration: the name or the path
// is impossible.
var permanent = []error{unix.ENOTDIR, unix.EISDIR, unix.ENAMETOOLONG, unix.EINVAL, unix.EILSEQ, unix.ELOOP}

// TroubleOf returns the Trouble of a disk error and true. It returns false for a permanent error,
// such as an impossible name, and for an error that no disk caused.
func TroubleOf(err error) (Trouble, bool) {
	if slices.ContainsFunc(permanent, func(e error) bool { return errors.Is(err, e) }) {
		return Trouble{}, false
	}
	for _, t := range troubles {
		for _, e := range t.errors {
			if errors.Is(err, e) {
				return t.Trouble, true
			}
		}
	}
	var errno unix.Errno
	return Trouble{"disk_failed", media.GapDiskError, "look into the kernel's log"}, errors.As(err, &errno)
}
