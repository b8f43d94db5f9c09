package footage

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/gospool/spool/pipeline/media"
)

// SetProtected protects a recording from deletion, or no longer does. The file says so
// first: protection must outlive the database. A crash in between leaves a row that says
// otherwise, and retention goes by both.
func (s *Store) SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error) {
	release, err := s.claim(ctx, id)
	if err != nil {
		return media.Record{}, err
	}
	defer release()
	return s.setProtected(ctx, id, protected)
}

// setProtected is SetProtected for a caller that has claimed the recording.
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

// protectFile changes the protection in a file, which may get its final name meanwhile.
func (s *Store) protectFile(path string, id media.ID, protected bool) error {
	err := s.Files.SetProtected(path, id, protected)
	if final, growing := strings.CutSuffix(path, media.PartSuffix); growing && errors.Is(err, fs.ErrNotExist) {
		return s.Files.SetProtected(final, id, protected)
	}
	return err
}
