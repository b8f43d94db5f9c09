package footage

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Evict deletes a file to make room. It returns ErrKept if the row or the file is protected,
// if the recording is being changed, or if the file does not belong to the recording. The row
// stays until Forget: after a crash in between the next reconciliation marks it as lost. The
// facts kept beside the file stay, too, if another location holds the whole recording or may
// hold it: that copy's protection and events are then still known.
//
// Evict deletes a file without an ID, which has no row, without further checks. An unfinished
// file may be half written, so Evict relies on the last scan and does not read it again.
func (s *Store) Evict(ctx context.Context, f media.DeletedFile, unfinished bool) error {
	if f.ID == (media.ID{}) {
		return s.Files.Remove(f.Path)
	}
	r, known := s.row(ctx, f)
	if known && r.Protected {
		return ErrKept
	}
	release, other := s.changing.try(f.ID)
	if other != nil {
		return ErrKept
	}
	defer release()
	if unfinished {
		return s.Files.Remove(f.Path)
	}
	// SetProtected marks the file before the row: the file has any protection set since the row was read.
	protected, err := s.Files.Protected(f.Path, f.ID)
	var mistaken *MistakenError
	switch err = s.Judge(err, f.Path, f.ID); {
	case protected, errors.As(err, &mistaken):
		return ErrKept
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	err = s.Files.Remove(f.Path)
	if whole, sure := r.WholeElsewhere(); err == nil && known && sure && !whole { // without a row, the file may be a copy
		_ = s.Files.Forget(f.ID)
	}
	return err
}

// Forget deletes the rows of evicted files: at once for all recordings that are not being
// changed, then one by one for the rest, holding no other claim while it waits. After a
// BusyError the row of one recording stays.
func (s *Store) Forget(ctx context.Context, files []media.DeletedFile) error {
	ids := make([]media.ID, len(files))
	for i, f := range files {
		ids[i] = f.ID
	}
	rest := files
	err := s.AloneWith(ctx, ids, func(ctx context.Context, free []media.ID) error {
		var now []media.DeletedFile
		now, rest = divide(files, free)
		return s.Catalogue.Forget(ctx, now)
	})
	for _, f := range rest {
		err = errors.Join(err, s.Empty(ctx, f))
	}
	return err
}

// divide separates the files of the given recordings from the rest.
func divide(files []media.DeletedFile, of []media.ID) (theirs, others []media.DeletedFile) {
	is := make(map[media.ID]bool, len(of))
	for _, id := range of {
		is[id] = true
	}
	for _, f := range files {
		if is[f.ID] {
			theirs = append(theirs, f)
		} else {
			others = append(others, f)
		}
	}
	return theirs, others
}

// row reads the row of a file, which may hold a protection that the file lost. It returns
// false if the database does not answer within RowWait: the caller then relies on the file.
func (s *Store) row(ctx context.Context, f media.DeletedFile) (r media.Record, known bool) {
	if s.silence.lasts(s.Clock.Now()) {
		return r, false
	}
	soon, cancel := context.WithTimeout(ctx, s.RowWait)
	defer cancel()
	r, err := s.Catalogue.Record(soon, f.ID)
	if soon.Err() != nil && ctx.Err() == nil {
		s.silence.begin(s.Clock.Now())
	}
	return r, err == nil && r.Path == f.Path
}

// silenceLasts is the time in which evictions skip the database after it failed to answer in
// time: room is needed now, and for many files.
const silenceLasts = 30 * time.Second

// silence records until when evictions skip the database.
type silence struct {
	mu    sync.Mutex // guards until
	until time.Time
}

func (q *silence) begin(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.until = now.Add(silenceLasts)
}

func (q *silence) lasts(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return now.Before(q.until)
}
