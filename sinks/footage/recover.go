package footage

import (
	"context"
	"errors"
	"io/fs"

	"github.com/gospool/spool/pipeline/media"
)

// Recovery describes a file that recovery finished. Store.Recovered calls its three functions while
// it holds the recording's claim.
type Recovery struct {
	Recording media.Recording // as read from its file
	// Unmarked returns the events that overlap the recording and that the recording's file does not
	// name, because the recorder stopped before it added them. It adds each to Recording.Events, or
	// to Recording.Beyond if the recording already names its maximum of events.
	Unmarked func(context.Context, *media.Recording) []media.Event
	// Tell notifies the observers of finished files of the recording with its events. It returns
	// true if all observers succeeded. The catalogue is one of them, so the row and the events are
	// then stored.
	Tell func(context.Context, media.Recording) bool
	// Protect reports whether the recording must be protected: one of the unmarked events
	// demands it, and the limit on protected footage permits it. Recovered calls it after the
	// row was added.
	Protect func(rec media.Recording, unmarked []media.Event) bool
}

// Recovered is the result of Store.Recovered.
type Recovered struct {
	Unmarked     int   // the number of events that the recorder had not added to the file
	Gone         bool  // the file was deleted meanwhile, so that its row was deleted, too
	RowError     error // why the row was not added; if Gone is set, why the row was not deleted
	FileError    error // why the file does not name the events of Recovery.Unmarked although the row does
	ProtectError error // why the recording is not protected although an event demands it
}

// Recovered adds the row of a file that recovery finished, together with the events of r.Unmarked.
// It then adds these events to the file, and protects the recording if an event demands it. If the
// file was deleted meanwhile, for instance to make room, Recovered deletes the row again and sets
// Gone.
//
// A crash in between leaves one of these: a file without a row, which the next reconciliation adds;
// a row without a file, which reconciliation marks as lost; or a file that names fewer events than
// its row.
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

// Empty deletes the row of a file that is gone and held no footage: recovery removed it because it
// contained no complete fragment. It returns a BusyError and the catalogue's errors.
func (s *Store) Empty(ctx context.Context, f media.DeletedFile) error {
	release, err := s.claim(ctx, f.ID)
	if err != nil {
		return err
	}
	defer release()
	return s.Catalogue.Forget(ctx, []media.DeletedFile{f})
}
