package mp4

import (
	"errors"
	"fmt"
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

// advice is what to do about an error, in brackets.
func advice(err error) string {
	if t, ok := troubleOf(err); ok && !errors.Is(err, ErrSwapped) { // which says it itself
		return " (" + t.remedy + ")"
	}
	return ""
}
