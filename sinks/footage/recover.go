package footage

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gospool/spool/pipeline/media"
)

// Recovered gives a file that recovery finished its row, with the events that it cannot
// name, unless those who were told of the file have done so. A file that was deleted before
// it had a row, perhaps to make room, gets none: gone. A crash on the way leaves a file
// without a row, which the next comparison with the disk adds, or a row without a file,
// which it marks lost.
func (s *Store) Recovered(ctx context.Context, rec media.Recording, told bool) (gone bool, err error) {
	release, err := s.claim(ctx, rec.ID)
	if err != nil {
		return false, err
	}
	defer release()
	if err := s.Files.Belongs(rec.Path, rec.ID); errors.Is(err, fs.ErrNotExist) {
		return true, s.Catalogue.Forget(ctx, []media.DeletedFile{{ID: rec.ID, Path: rec.Path}})
	}
	if told {
		return false, nil
	}
	if err := s.Catalogue.Put(ctx, rec); err != nil || len(rec.Beyond) == 0 {
		return false, err
	}
	return false, s.Catalogue.PutEvents(ctx, rec, rec.Beyond...)
}
