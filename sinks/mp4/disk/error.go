package disk

import (
	"errors"
	"fmt"
)

// Error is a failed operation on a file of a record directory.
type Error struct {
	Op     string
	File   string // below the record directory
	Offset int64
	Err    error
}

// Error says what failed, where, and what to do about it.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s at byte %d: %v%s", e.File, e.Op, e.Offset, e.Err, Advice(e.Err))
}

// Unwrap gives the system's error.
func (e *Error) Unwrap() error { return e.Err }

// NewError returns an *Error.
func NewError(op, file string, off int64, err error) error {
	return &Error{Op: op, File: file, Offset: off, Err: err}
}

// Advice says what to do about an error, in brackets behind a space; it is empty where
// nothing is known.
func Advice(err error) string {
	if t, ok := TroubleOf(err); ok && !errors.Is(err, ErrSwapped) { // which says it itself
		return " (" + t.Remedy + ")"
	}
	return ""
}
