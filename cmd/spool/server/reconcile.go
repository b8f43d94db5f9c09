package server

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/facts"
)

// reconcile compares the catalogue with the disk, and tries again until this succeeds or ctx ends: the
// database may start later than the recorder, the disk may be away, or an operator must decide because
// the rows belong to another directory.
func (s *Server) reconcile(ctx context.Context, dir string) error {
	backoff := pipeline.Backoff{Max: 5 * time.Second}
	said := ""
	for {
		found, err := s.compare(ctx, dir)
		if found.Adopted > 0 {
			s.log.Info("recordings made under a former name of this recorder were adopted", "adopted", found.Adopted,
				"left_alone", found.NotAdopted)
		}
		if found.Others > 0 {
			s.log.Info("files whose rows belong to another recorder are left alone", "files", found.Others)
		}
		if found.Busy > 0 {
			s.log.Warn("recordings that were being changed are left to the next comparison with the disk: spool reindex makes one", "recordings", found.Busy)
		}
		if found.Added+found.Updated+found.Lost > 0 {
			s.log.Info("the catalogue was compared with the disk", "files", found.Files, "added", found.Added, "updated", found.Updated, "lost", found.Lost)
		}
		if err == nil {
			return nil
		}
		// Other code logs these three errors.
		known := errors.Is(err, metadata.ErrUnavailable) || errors.Is(err, metadata.ErrOtherDirectory) || errors.Is(err, metadata.ErrClaimed)
		if text := err.Error(); !known && text != said && ctx.Err() == nil {
			said = text
			s.log.Error("the catalogue could not be compared with the disk; spool tries again", "error", err)
		}
		if !s.again(ctx, &backoff) {
			return ctx.Err()
		}
	}
}

// compareAgain compares the catalogue with the disk each time that the catalogue finds out that the
// database has lost rows: after a failover to a database that lagged behind, or after the restore of a
// backup. It returns when ctx ends.
func (s *Server) compareAgain(ctx context.Context, dir string) error {
	for {
		select {
		case <-s.catalogue.Behind():
			if err := s.reconcile(ctx, dir); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// compare compares the catalogue with the disk once and logs the results that concern facts: see
// package facts. If the rows belong to another directory, it changes nothing and returns
// metadata.ErrOtherDirectory: most likely the disk with the recordings is not mounted, and none of them
// is lost.
func (s *Server) compare(ctx context.Context, dir string) (metadata.Report, error) {
	err := ClaimDirectory(ctx, s.catalogue, dir, false)
	if errors.Is(err, metadata.ErrOtherDirectory) {
		text := err.Error()
		if s.elsewhere.Swap(&text) == nil {
			s.log.Error("the catalogue is not compared with the disk", "error", err)
		}
	}
	if err != nil {
		return metadata.Report{}, err
	}
	s.elsewhere.Store(nil)
	found, err := Compare(ctx, s.catalogue, dir, turns(s.footage), nil)
	if found.Forgotten > 0 {
		s.log.Info("facts beside deleted recordings are removed", "recordings", found.Forgotten)
	}
	// Other code logs that the database does not answer.
	if found.Unsure != nil && ctx.Err() == nil && !errors.Is(found.Unsure, metadata.ErrUnavailable) {
		s.log.Warn("facts beside deleted recordings are kept for now", "error", found.Unsure)
	}
	found.logDamaged(s.log)
	return found.Report, err
}

// logDamaged logs the recordings that count as protected because their facts (see package facts) are
// damaged: their number, and the first ten.
func (c *Compared) logDamaged(log *slog.Logger) {
	const named = 10
	if n := len(c.Damaged); n > 0 {
		log.Error("facts kept beside recordings are damaged: these recordings count as protected, and events added after they were finished may be in the catalogue only",
			"recordings", n, "first", c.Damaged[:min(n, named)], "remedy", "PATCH each record with protected true or false")
	}
	if c.Unread != nil {
		log.Warn("some facts kept beside recordings could not be read", "error", c.Unread)
	}
}

// ClaimDirectory returns nil if the rows of this recorder in the catalogue belong to the record directory dir.
// If they belong to another directory, it returns metadata.ErrOtherDirectory; with accept it assigns them to
// dir instead, and returns nil.
func ClaimDirectory(ctx context.Context, catalogue *metadata.Catalogue, dir string, accept bool) error {
	identity := func(create bool) (string, error) { return disk.Identity(dir, create) }
	return catalogue.ClaimDirectory(ctx, identity, accept)
}

// Compared is the result of Compare.
type Compared struct {
	metadata.Report
	Forgotten int   // number of deleted recordings whose facts and sample index Compare has removed
	Unsure    error // why facts of deleted recordings may remain; nil: Compare has removed those that it found

	// Damaged lists the recordings whose facts are damaged: they count as protected. Unread is the
	// reason why the list may be incomplete; nil: it is complete.
	Damaged []media.ID
	Unread  error
}

// Compare updates the catalogue to the files in the record directory dir: see
// metadata.Catalogue.Reconcile. It also removes the facts and sample indexes of deleted recordings.
// ClaimDirectory must have succeeded. A recorder may run in another process: Compare leaves the files
// that it writes alone. Compare makes each change of a recording through by; by may be zero if no other
// code of this process changes recordings. It calls progress, which may be nil, with the number of
// compared files and of all files.
func Compare(ctx context.Context, catalogue *metadata.Catalogue, dir string, by Turns, progress func(done, total int)) (c Compared, err error) {
	c.Report, err = catalogue.Reconcile(ctx, metadata.Comparison{
		Dir: dir, ReadEntry: mp4.ReadEntry, IsLive: unfinished(dir), Alone: by.Alone, AloneWith: by.AloneWith, Progress: progress,
	})
	if by.Alone == nil {
		by.Alone = func(ctx context.Context, _ media.ID, change func(context.Context) error) error { return change(ctx) }
	}
	if err == nil {
		c.Forgotten, c.Unsure = forgetOrphans(ctx, catalogue, dir, by.Alone, c.Report)
		c.Damaged, c.Unread = facts.In(dir).Damaged()
	}
	return c, err
}

// Turns holds the functions by which Compare excludes other changes of a recording while it changes the
// recording itself. The fields are those of metadata.Comparison.
type Turns struct {
	// Alone calls change while no other change of the recording id runs.
	Alone func(ctx context.Context, id media.ID, change func(context.Context) error) error
	// AloneWith does this for several recordings at once, without those that other code is changing.
	AloneWith metadata.AloneWith
}

// turns returns the Turns that exclude all changes through a store.
func turns(store *footage.Store) Turns {
	return Turns{AloneWith: store.AloneWith, Alone: func(ctx context.Context, id media.ID, change func(context.Context) error) error {
		err := store.Alone(ctx, id, change)
		if isBusy(err) {
			return metadata.ErrBusy
		}
		return err
	}}
}

// isBusy reports whether an error means that another change of the recording took too long.
func isBusy(err error) bool {
	var busy *footage.BusyError
	return errors.As(err, &busy)
}

// unfinished returns a function that reports whether a file is being written or waits for recovery. path is
// the final name of the file relative to dir; the function looks for this name with media.PartSuffix. It
// returns false if dir cannot be opened.
func unfinished(dir string) func(path string) bool {
	return func(path string) bool {
		top, err := os.Open(dir)
		if err != nil {
			return false
		}
		defer top.Close()
		info, err := filesystem.LstatBelow(top, path+media.PartSuffix)
		return err == nil && info.Mode().IsRegular()
	}
}

// forgetOrphans removes the facts (see package facts) and sample indexes of recordings that have no row, and
// returns the number of these recordings. found is the result of the comparison that has just been made. If
// found counts files whose rows are not stored yet, forgetOrphans removes nothing, because the facts may
// belong to these files: unfinished files, files without an entry, rows that the database refuses, and
// recordings that other code was changing. alone is Turns.Alone.
func forgetOrphans(ctx context.Context, catalogue *metadata.Catalogue, dir string, alone func(context.Context, media.ID, func(context.Context) error) error, found metadata.Report) (removed int, err error) {
	if found.Unfinished+found.Foreign+found.Aside+found.Busy > 0 {
		return 0, nil
	}
	known := func(id media.ID) (bool, error) {
		_, err := catalogue.Record(ctx, id)
		if errors.Is(err, metadata.ErrNotFound) {
			return false, nil
		}
		return true, err
	}
	return mp4.ForgetOrphans(dir, known, func(id media.ID, forget func() error) error {
		return alone(ctx, id, func(context.Context) error { return forget() })
	})
}
