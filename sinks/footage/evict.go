package footage

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Evict deletes a file to make room, or because it has expired. It returns ErrKept if the row or
// the file is protected, if another change holds the recording's claim, or if the file does not
// belong to the recording. The row stays until Forget; after a crash before Forget, the next
// reconciliation marks the row as lost.
//
// Evict also deletes the facts if the row shows that no other location has the whole recording.
// Otherwise, or if the row could not be read, the facts stay: they hold the protection and the
// events of the other copy.
//
// A file whose f.ID is zero has no row: Evict deletes it without any check. If unfinished is set,
// Evict does not read the file, which may be half written, and leaves the facts.
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
	// SetProtected protects the file before the row: a protection set after the row was read is in the file.
	protected, err := s.Files.Protected(f.Path, f.ID)
	var mistaken *MistakenError
	switch err = s.Judge(err, f.Path, f.ID); {
	case protected, errors.As(err, &mistaken):
		return ErrKept
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	err = s.Files.Remove(f.Path)
	// Without the row it is unknown whether another location has the recording.
	if whole, sure := r.WholeElsewhere(); err == nil && known && sure && !whole {
		_ = s.Files.Forget(f.ID)
	}
	return err
}

// Forget deletes the rows of evicted files. It first deletes together the rows of those recordings
// that no other change holds, and then each of the other rows under its own claim. The error joins
// the catalogue's errors and a BusyError for each recording that another change still held: its row
// stays.
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

// divide returns the files of the recordings in of as theirs, and the rest of files as others.
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

// row returns the row of a file. Evict needs it because a crash between the two steps of a
// protection can leave a protected row and an unprotected file. known is false if the database has
// no row with this ID and path, if it did not answer within RowWait, or while s.silence lasts: the
// caller then relies on the file alone.
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

// silenceLasts is the time for which evictions do not query the database after it failed to answer
// in time. Otherwise, while the disk is full, each of many evictions would wait for the database.
const silenceLasts = 30 * time.Second

// silence records until when evictions do not query the database.
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
