package footage

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/gospool/spool/pipeline/media"
)

// ErrKept says that a file must stay: it is protected, is being changed, or is not that of
// the recording.
var ErrKept = errors.New("the file must stay")

// ElsewhereError says that another recorder has the file.
type ElsewhereError struct{ Node string }

// ProtectedError says that a protected recording is not deleted.
type ProtectedError struct{ ID media.ID }

// GrowingError says that a recording is being written.
type GrowingError struct {
	ID     media.ID
	Stream string
}

// GoneError says that a recording has a row and no file.
type GoneError struct{ ID media.ID }

// BusyError says that another change of a recording takes too long.
type BusyError struct{ ID media.ID }

// MistakenError says that a file is not that of a recording, or does not say whose
// it is. Err is what the file's reader says.
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

// Unwrap gives what the file's reader says.
func (e *MistakenError) Unwrap() error { return e.Err }

// Judge turns the error of looking into a file into a MistakenError, and counts it,
// unless the system did not let the file be read, or there is none.
func (s *Store) Judge(err error, path string, id media.ID) error {
	var system syscall.Errno
	if err == nil || errors.As(err, &system) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.Mistaken()
	return &MistakenError{path, id, err}
}
