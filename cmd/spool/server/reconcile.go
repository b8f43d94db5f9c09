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

// reconcile makes the catalogue say what is on the disk. It goes on until it has:
// it waits for the database, which may come later than the recorder, for the disk,
// and for the operator where the directory is not the catalogue's.
func (s *Server) reconcile(ctx context.Context, dir string) error {
	backoff := pipeline.Backoff{Max: 5 * time.Second}
	said := ""
	for {
		found, err := s.compare(ctx, dir)
		if found.Adopted > 0 {
			s.log.Info("recordings that were made under another name of this recorder are under its own now", "adopted", found.Adopted,
				"left_alone", found.NotAdopted)
		}
		if found.Others > 0 {
			s.log.Info("files whose recordings are of another recorder are left alone", "files", found.Others)
		}
		if found.Busy > 0 {
			s.log.Warn("recordings that something else was changing are left to the next comparison with the disk: spool reindex makes one", "recordings", found.Busy)
		}
		if found.Added+found.Updated+found.Lost > 0 {
			s.log.Info("the catalogue was compared with the disk", "files", found.Files, "added", found.Added, "updated", found.Updated, "lost", found.Lost)
		}
		if err == nil {
			return nil
		}
		known := errors.Is(err, metadata.ErrUnavailable) || errors.Is(err, metadata.ErrOtherDirectory) || errors.Is(err, metadata.ErrClaimed) // which are said elsewhere
		if text := err.Error(); !known && text != said && ctx.Err() == nil {
			said = text
			s.log.Error("the catalogue could not be compared with the disk: it is tried again", "error", err)
		}
		if !s.again(ctx, &backoff) {
			return ctx.Err()
		}
	}
}

// compareAgain compares whenever the database turns out to have lost rows: after a
// failover to a standby that was behind, or when a backup was put back.
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

// compare does nothing where the rows are of another directory: the disk with the
// recordings is not mounted, and none of them is lost.
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
		s.log.Info("what was known of deleted recordings is removed", "recordings", found.Forgotten)
	}
	if found.Unsure != nil && ctx.Err() == nil && !errors.Is(found.Unsure, metadata.ErrUnavailable) { // which is said elsewhere
		s.log.Warn("what is known of deleted recordings stays for now", "error", found.Unsure)
	}
	found.tellDamaged(s.log)
	return found.Report, err
}

// tellDamaged logs what is damaged beside files, and which recordings count as protected
// for it, as many as one can read.
func (c *Compared) tellDamaged(log *slog.Logger) {
	const named = 10
	if n := len(c.Damaged); n > 0 {
		log.Error("what was known beside the files of recordings is damaged: they count as protected, and events that were added to them since may be in the catalogue alone",
			"recordings", n, "first", c.Damaged[:min(n, named)], "remedy", "PATCH each record with protected true or false")
	}
	if c.Unread != nil {
		log.Warn("what is known beside the files of recordings could not all be read", "error", c.Unread)
	}
}

// ClaimDirectory makes sure that the catalogue's rows are of a record directory, and
// returns metadata.ErrOtherDirectory where they are of another, unless accept gives them
// this one.
func ClaimDirectory(ctx context.Context, catalogue *metadata.Catalogue, dir string, accept bool) error {
	identity := func(create bool) (string, error) { return disk.Identity(dir, create) }
	return catalogue.ClaimDirectory(ctx, identity, accept)
}

// Compared is what a comparison of the catalogue with the disk found and changed.
type Compared struct {
	metadata.Report
	Forgotten int   // deleted recordings of which something was known beside their files, until now
	Unsure    error // why what is known of deleted recordings stays for now; nil where nothing does

	// Damaged are recordings of which something was known beside their files that is
	// damaged: they count as protected. Unread is why there may be more.
	Damaged []media.ID
	Unread  error
}

// Compare makes the catalogue say what is in a record directory, which ClaimDirectory was
// told of. It reports how far it is to progress, which may be nil. A recorder may run: the
// files that it writes are left alone. Each change of a recording is made in its turn; no
// Turns: nothing else in this process changes any.
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

// Turns call functions while nothing else changes a recording, or many: see
// metadata.Comparison.
type Turns struct {
	Alone     func(ctx context.Context, id media.ID, change func(context.Context) error) error
	AloneWith metadata.AloneWith
}

// turns has a store keep its other changes of a recording away.
func turns(store *footage.Store) Turns {
	return Turns{AloneWith: store.AloneWith, Alone: func(ctx context.Context, id media.ID, change func(context.Context) error) error {
		err := store.Alone(ctx, id, change)
		if isBusy(err) {
			return metadata.ErrBusy
		}
		return err
	}}
}

func isBusy(err error) bool {
	var busy *footage.BusyError
	return errors.As(err, &busy)
}

// unfinished says of a file that somebody writes it, or recovery will finish it.
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

// forgetOrphans removes what is known beside the files of recordings that the catalogue
// does not have, right after it was compared with the disk. Where that left anything open
// nothing is removed: a file that is yet to be finished, or to get its row, may be theirs.
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
