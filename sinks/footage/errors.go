package footage

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/gospool/spool/pipeline/media"
)

// ErrKept is the error of Evict for a file that must stay: it is protected, is being changed, or
// does not belong to the recording.
var ErrKept = errors.New("the file must stay")

// ElsewhereError reports that the file is on the disk of another recorder. Node is the name of that
// recorder.
type ElsewhereError struct{ Node string }

// ProtectedError reports that a recording was not deleted because it is protected.
type ProtectedError struct{ ID media.ID }

// GrowingError reports that a recording was not deleted because its file is being written.
type GrowingError struct {
	ID     media.ID
	Stream string
}

// GoneError reports that a recording has a row, but that its file is missing.
type GoneError struct{ ID media.ID }

// BusyError reports that another change of a recording took longer than Options.Patience.
type BusyError struct{ ID media.ID }

// MistakenError reports that the file at Path carries another ID than ID, or none. Err is the error
// that a method of Files returned.
type MistakenError struct {
	Path string
	ID   media.ID
	Err  error
}

func (e *ElsewhereError) Error() string { return "recorded by " + e.Node }
func (e *ProtectedError) Error() string { return fmt.Sprintf("recording %s is protected", e.ID) }
func (e *GrowingError) Error() string   { return fmt.Sprintf("recording %s is being written", e.ID) }
func (e *GoneError) Error() string      { return fmt.Sprintf("the file of recording %s is gone", e.ID) }
func (e *BusyError) Error() string {
	return fmt.Sprintf("another change of recording %s is under way", e.ID)
}
func (e *MistakenError) Error() string {
	return fmt.Sprintf("%s is not known to be the file of recording %s: %v", e.Path, e.ID, e.Err)
}

// Unwrap returns Err.
func (e *MistakenError) Unwrap() error { return e.Err }

// Judge decides whether the file at a path belongs to a recording. err is the result of a method of
// Files for that file. Judge returns nil, an error of the operating system and fs.ErrNotExist
// unchanged. Any other error means that the file does not belong to the recording: Judge calls
// Options.Mistaken and returns a MistakenError.
func (s *Store) Judge(err error, path string, id media.ID) error {
	var system syscall.Errno
	if err == nil || errors.As(err, &system) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.Mistaken()
	return &MistakenError{path, id, err}
}
