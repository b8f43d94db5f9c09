package footage

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gospool/spool/pipeline/media"
)

// Delete removes a recording's file and then its row. After a crash in between, the next
// reconciliation marks the row as lost; in the reverse order it would list the file again. A
// recording whose file is gone already loses its row only.
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
	// A recording that is lost or remote has no file here: a file at its path belongs to another
	// recording and stays, while the row is deleted.
	if err := s.remove(r.Path, id); err != nil && (r.State.Here() || !errors.As(err, &other)) {
		return err
	}
	s.Deleted(r.Path)
	return s.Catalogue.Delete(ctx, id)
}

// remove deletes a recording's file and its facts (package facts) after checking that the file
// carries the recording's ID. It returns no error if the file is gone already.
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

// Check returns nil if the file at a path carries a recording's ID, a MistakenError if it carries
// another ID or none, and else the error of the operating system.
func (s *Store) Check(path string, id media.ID) error {
	return s.Judge(s.Files.Belongs(path, id), path, id)
}
