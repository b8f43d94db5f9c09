package footage

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/gospool/spool/pipeline/media"
)

// SetProtected sets or clears a recording's protection against deletion, and returns the changed
// row. It writes the file first, because protection must outlive the database. After a crash in
// between, file and row differ, and retention keeps the file if either is protected. If the row's
// state is lost or remote, SetProtected changes the row only.
//
// SetProtected returns a BusyError, an ElsewhereError, a GoneError if the file is missing, a
// MistakenError, and the errors of the disk and of the catalogue.
func (s *Store) SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error) {
	release, err := s.claim(ctx, id)
	if err != nil {
		return media.Record{}, err
	}
	defer release()
	return s.setProtected(ctx, id, protected)
}

// setProtected does the work of SetProtected for a caller that holds the claim.
func (s *Store) setProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error) {
	r, err := s.own(ctx, id)
	if err != nil {
		return media.Record{}, err
	}
	if r.State.Here() {
		if err := s.protectFile(r.Path, id, protected); errors.Is(err, fs.ErrNotExist) {
			return media.Record{}, &GoneError{id}
		} else if err != nil {
			return media.Record{}, s.Judge(err, r.Path, id)
		}
	}
	return s.Catalogue.SetProtected(ctx, id, protected)
}

// protectFile sets or clears the protection of a file. If the file is gone under its .part name, it
// has been given its final name meanwhile, and protectFile tries that name.
func (s *Store) protectFile(path string, id media.ID, protected bool) error {
	err := s.Files.SetProtected(path, id, protected)
	if final, growing := strings.CutSuffix(path, media.PartSuffix); growing && errors.Is(err, fs.ErrNotExist) {
		return s.Files.SetProtected(final, id, protected)
	}
	return err
}
