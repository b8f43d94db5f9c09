package footage

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gospool/spool/pipeline/media"
)

// Recovery is a file that recovery finished. Its functions are called while nothing else
// changes the recording.
type Recovery struct {
	Recording media.Recording // as its file says
	// Unmarked joins the events that the file does not name to those of the recording, and
	// puts those that it cannot name into Beyond: its recorder had not marked them. It
	// returns them.
	Unmarked func(context.Context, *media.Recording) []media.Event
	// Tell tells those who hear of finished files of this one, with its events, and
	// reports whether all did, so that the catalogue has its row and its events.
	Tell func(context.Context, media.Recording) bool
	// Protect is asked once the row is there: whether one of the unmarked events wants the
	// file protected, and may.
	Protect func(rec media.Recording, unmarked []media.Event) bool
}

// Recovered is a recovered file as Recovered left it.
type Recovered struct {
	Unmarked     int   // events of it that its recorder had not marked
	Gone         bool  // the file was deleted before it had a row, and has none
	RowError     error // why it has no row, or keeps one although it is gone
	FileError    error // why the file does not name its events; the row does
	ProtectError error // why it is not protected, though an event wants that and may
}

// Recovered gives a file that recovery finished its row, with the events that it cannot
// name, unless those who were told of the file have done so. It then does in the file what
// its recorder could not: it names the events, and protects it. A file that was deleted
// before it had a row, perhaps to make room, gets none. A crash on the way leaves a file
// without a row, which the next comparison with the disk adds, a row without a file,
// which it marks lost, or a file that names fewer events than its row.
//
// A RowError that is a BusyError says that nothing was done and nobody was told.
func (s *Store) Recovered(ctx context.Context, r Recovery) (out Recovered) {
	rec := r.Recording
	release, err := s.claim(ctx, rec.ID)
	if err != nil {
		return Recovered{RowError: err}
	}
	defer release()
	unmarked := r.Unmarked(ctx, &rec)
	out.Unmarked = len(unmarked)
	told := r.Tell(ctx, rec)
	if err := s.Files.Belongs(rec.Path, rec.ID); errors.Is(err, fs.ErrNotExist) {
		out.Gone, out.RowError = true, s.Catalogue.Forget(ctx, []media.DeletedFile{{ID: rec.ID, Path: rec.Path}})
		return out
	}
	if !told {
		out.RowError = s.putRecovered(ctx, rec)
	}
	if len(unmarked) > 0 {
		out.FileError = s.Files.AddEvents(rec.Path, rec.ID, rec.Events)
	}
	if r.Protect(rec, unmarked) {
		_, out.ProtectError = s.setProtected(ctx, rec.ID, true)
	}
	return out
}

func (s *Store) putRecovered(ctx context.Context, rec media.Recording) error {
	if err := s.Catalogue.Put(ctx, rec); err != nil || len(rec.Beyond) == 0 {
		return err
	}
	return s.Catalogue.PutEvents(ctx, rec, rec.Beyond...)
}

// Empty takes away the row of a file that recovery removed, since nothing whole was in
// it: no footage was lost.
func (s *Store) Empty(ctx context.Context, f media.DeletedFile) error {
	release, err := s.claim(ctx, f.ID)
	if err != nil {
		return err
	}
	defer release()
	return s.Catalogue.Forget(ctx, []media.DeletedFile{f})
}
