package footage

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Evict deletes a file to make room. ErrKept: it is protected by its row or by its own
// word, is being changed, or is not that of the recording. Its row stays until Forget: a
// crash in between leaves a row that the next reconciliation marks as lost. What is known
// beside the file of a recording that another place has whole, or may have, stays too, so
// that a part of that can be found.
//
// A file without an ID has no row, and is not asked whose it is. One that is left
// unfinished may have been half written, and need not say again what a scan has read.
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
	// Protection that came since the row was asked is in the file: see SetProtected.
	protected, err := s.Files.Protected(f.Path, f.ID)
	var mistaken *MistakenError
	switch err = s.Judge(err, f.Path, f.ID); {
	case protected, errors.As(err, &mistaken):
		return ErrKept
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	err = s.Files.Remove(f.Path)
	if whole, sure := r.WholeElsewhere(); err == nil && known && sure && !whole { // of an unknown one this may be a copy
		_ = s.Files.Forget(f.ID)
	}
	return err
}

// Forget takes the rows of evicted files away: all at once, but those of recordings that
// are being changed. Each of them is waited for afterwards, while nothing else is claimed; a
// BusyError says that the row of one stays.
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

// divide returns the files of some recordings, and the others.
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

// row asks the row of a file, which may know of a protection that the file lost. What the
// database does not answer in time the file has said.
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

// silenceLasts is how long a database that did not answer in time is not asked again by
// evictions: room is needed now, and for many files.
const silenceLasts = 30 * time.Second

// silence is a time in which the database is not asked.
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
