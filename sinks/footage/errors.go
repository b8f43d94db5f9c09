package footage

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/gospool/spool/pipeline/media"
)

// ErrKept reports that a file must stay: it is protected, is being changed, or does not belong
// to the recording.
var ErrKept = errors.New("the file must stay")

// ElsewhereError reports that another recorder holds the file.
type ElsewhereError struct{ Node string }

// ProtectedError reports that a recording is protected and was not deleted.
type ProtectedError struct{ ID media.ID }

// GrowingError reports that a recording is being written.
type GrowingError struct {
	ID     media.ID
	Stream string
}

// GoneError reports that a recording has a row but no file.
type GoneError struct{ ID media.ID }

// BusyError reports that another change of a recording took longer than Options.Patience.
type BusyError struct{ ID media.ID }

// MistakenError reports that a file does not belong to a recording, or carries no ID. Err is
// the error of the file's reader.
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

// Unwrap returns the error of the file's reader.
func (e *MistakenError) Unwrap() error { return e.Err }

// Judge wraps an error of reading a file in a MistakenError and counts it. It returns nil,
// errors of the operating system and fs.ErrNotExist unchanged.
func (s *Store) Judge(err error, path string, id media.ID) error {
	var system syscall.Errno
	if err == nil || errors.As(err, &system) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.Mistaken()
	return &MistakenError{path, id, err}
}
