package footage

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gospool/spool/pipeline/media"
)

// Delete removes a recording's file and then its row: a crash in between leaves a row
// that the next reconciliation marks as lost, and never a file that comes back.
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
	// Whatever has the name of one whose file is gone stays.
	if err := s.remove(r.Path, id); err != nil && (r.State.Here() || !errors.As(err, &other)) {
		return err
	}
	s.Deleted(r.Path)
	return s.Catalogue.Delete(ctx, id)
}

// remove deletes a file if it is that of a recording, and what is known beside it. That
// it is gone is no error.
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

// Check makes sure that the file at a path is that of a recording.
func (s *Store) Check(path string, id media.ID) error {
	return s.Judge(s.Files.Belongs(path, id), path, id)
}
