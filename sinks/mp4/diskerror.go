package mp4

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// DiskError is a failed operation on a file of the record directory.
type DiskError struct {
	Op     string
	File   string // below the record directory
	Offset int64
	Err    error
}

// Error says what failed, where, and what to do about it.
func (e *DiskError) Error() string {
	return fmt.Sprintf("%s: %s at byte %d: %v%s", e.File, e.Op, e.Offset, e.Err, advice(e.Err))
}

// Unwrap gives the system's error.
func (e *DiskError) Unwrap() error { return e.Err }

func diskError(op, file string, off int64, err error) error {
	return &DiskError{Op: op, File: file, Offset: off, Err: err}
}

func advice(err error) string {
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return " (the disk is full: delete something, or let expire_days or disk_max_percent do it)"
	case errors.Is(err, unix.EROFS):
		return " (the filesystem is read-only: look into the kernel's log, it may have found an error)"
	case errors.Is(err, unix.EIO):
		return " (the disk failed: look into the kernel's log)"
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		return " (too many open files: raise the limit with ulimit -n or LimitNOFILE)"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return " (give the user that runs spool the right to write here)"
	}
	return ""
}
