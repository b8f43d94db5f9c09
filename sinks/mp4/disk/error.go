package disk

import (
	"errors"
	"fmt"
)

// Error describes a failed operation on a file of a record directory.
type Error struct {
	Op     string // the operation, such as "write chunk"
	File   string // name below the record directory
	Offset int64  // byte of the file
	Err    error  // the system's error
}

// Error returns a text with the file, the operation, the offset, the cause and the remedy.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s at byte %d: %v%s", e.File, e.Op, e.Offset, e.Err, Advice(e.Err))
}

// Unwrap returns the system's error.
func (e *Error) Unwrap() error { return e.Err }

// NewError returns an *Error.
func NewError(op, file string, off int64, err error) error {
	return &Error{Op: op, File: file, Offset: off, Err: err}
}

// Advice returns the remedy for an error, in brackets after a space. It returns an empty string if
// no remedy is known, or if the text of the error has it (ErrSwapped).
func Advice(err error) string {
	if t, ok := TroubleOf(err); ok && !errors.Is(err, ErrSwapped) { // the text of ErrSwapped has a remedy
		return " (" + t.Remedy + ")"
	}
	return ""
}
