package footage

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gospool/spool/pipeline/media"
)

// Delete removes a recording's file and then its row: after a crash in between the next
// reconciliation marks the row as lost, and the file never comes back.
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
	// The recording's own file is gone: a different file at its path stays.
	if err := s.remove(r.Path, id); err != nil && (r.State.Here() || !errors.As(err, &other)) {
		return err
	}
	s.Deleted(r.Path)
	return s.Catalogue.Delete(ctx, id)
}

// remove deletes a recording's file after checking that it carries the recording's ID, and
// the facts kept beside it. It returns no error if the file is gone.
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

// Check checks that the file at a path carries a recording's ID.
func (s *Store) Check(path string, id media.ID) error {
	return s.Judge(s.Files.Belongs(path, id), path, id)
}
