package footage

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gospool/spool/pipeline/media"
)

// Recovery describes a file that recovery finished. Recovered calls its functions while it
// holds the recording's claim.
type Recovery struct {
	Recording media.Recording // as read from its file
	// Unmarked returns the events that overlap the recording but are not in the file,
	// because the recorder stopped before it added them. It adds them to the recording's
	// events, or to Beyond if the file has no room for them.
	Unmarked func(context.Context, *media.Recording) []media.Event
	// Tell notifies the observers of finished files, with the recording's events, and
	// reports whether all succeeded: the catalogue then has the row and the events.
	Tell func(context.Context, media.Recording) bool
	// Protect reports whether one of the unmarked events requires and permits that the
	// file is protected. Recovered calls it after the row was added.
	Protect func(rec media.Recording, unmarked []media.Event) bool
}

// Recovered reports the outcome of Store.Recovered.
type Recovered struct {
	Unmarked     int   // the number of events that the recorder had not added to the file
	Gone         bool  // the file was deleted before it had a row, and gets none
	RowError     error // why the row was not added, or not deleted although the file is gone
	FileError    error // why the file does not name its events although the row does
	ProtectError error // why the recording is not protected although an event requires it
}

// Recovered adds the row of a file that recovery finished, with the events that the file has
// no room for, unless an observer has done so already. It then completes the file: it adds the
// missing events, and protects it. A file that was deleted before it had a row, for instance
// to make room, gets none. A crash on the way leaves a file without a row, which the next
// reconciliation adds, a row without a file, which it marks as lost, or a file that names
// fewer events than its row.
//
// If RowError is a BusyError, Recovered changed nothing and notified no observer.
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

// Empty deletes the row of a file that recovery removed because it held no complete fragment:
// no footage was lost.
func (s *Store) Empty(ctx context.Context, f media.DeletedFile) error {
	release, err := s.claim(ctx, f.ID)
	if err != nil {
		return err
	}
	defer release()
	return s.Catalogue.Forget(ctx, []media.DeletedFile{f})
}
