package footage

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gospool/spool/pipeline/media"
)

// Delete removes a recording's file, then its facts, then its row. After a crash between file and
// row, the next reconciliation marks the row as lost. In the reverse order, reconciliation would
// add a row for the file again. If the file is gone already, Delete removes the facts and the row.
//
// Delete returns an ElsewhereError, a ProtectedError, a GrowingError, a MistakenError or a
// BusyError for a recording that must stay, and the errors of the catalogue and of the disk.
func (s *Store) Delete(ctx context.Context, id media.ID) error {
	release, err := s.claim(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	r, err := s.own(ctx, id)
	switch {
	case err != nil:
		return err
	case r.Protected:
		return &ProtectedError{id}
	case r.Growing():
		return &GrowingError{id, r.Stream}
	}
	var other *MistakenError
	// A recording whose state is lost or remote has no file here. A file with another ID at its path
	// therefore stays, and the row is deleted all the same.
	if err := s.remove(r.Path, id); err != nil && (r.State.Here() || !errors.As(err, &other)) {
		return err
	}
	s.Deleted(r.Path)
	return s.Catalogue.Delete(ctx, id)
}

// remove deletes a recording's file and its facts (package facts) after checking that the file
// carries the recording's ID. It returns no error if the file is gone already. Facts that cannot be
// removed stay until the next reconciliation.
func (s *Store) remove(path string, id media.ID) error {
	if err := s.Check(path, id); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.Files.Remove(path); err != nil {
		return err
	}
	_ = s.Files.Forget(id)
	return nil
}

// Check returns nil if the file at a path carries a recording's ID, and a MistakenError if it
// carries another ID or none. It returns fs.ErrNotExist or another error of the operating system if
// the file cannot be read.
func (s *Store) Check(path string, id media.ID) error {
	return s.Judge(s.Files.Belongs(path, id), path, id)
}
