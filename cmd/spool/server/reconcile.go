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

// reconcile compares the catalogue with the disk until it has succeeded. It waits for the
// database, which may start later than the recorder, for the disk, and for the operator if the
// rows belong to another directory.
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
		known := errors.Is(err, metadata.ErrUnavailable) || errors.Is(err, metadata.ErrOtherDirectory) || errors.Is(err, metadata.ErrClaimed) // other messages report these
		if text := err.Error(); !known && text != said && ctx.Err() == nil {
			said = text
			s.log.Error("the catalogue could not be compared with the disk; spool tries again", "error", err)
		}
		if !s.again(ctx, &backoff) {
			return ctx.Err()
		}
	}
}

// compareAgain compares whenever the database turns out to have lost rows: after a failover to
// a standby that lagged, or after a restore of a backup.
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

// compare compares the catalogue with the disk. It changes nothing if the rows belong to
// another directory: the disk with the recordings is not mounted then, and no recording is
// lost.
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
	if found.Unsure != nil && ctx.Err() == nil && !errors.Is(found.Unsure, metadata.ErrUnavailable) { // another message reports it
		s.log.Warn("facts beside deleted recordings are kept for now", "error", found.Unsure)
	}
	found.logDamaged(s.log)
	return found.Report, err
}

// logDamaged logs which recordings count as protected because the facts beside their files are
// damaged. It names at most ten.
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

// ClaimDirectory returns metadata.ErrOtherDirectory if the catalogue's rows belong to another
// record directory. With accept it assigns the rows to this one instead.
func ClaimDirectory(ctx context.Context, catalogue *metadata.Catalogue, dir string, accept bool) error {
	identity := func(create bool) (string, error) { return disk.Identity(dir, create) }
	return catalogue.ClaimDirectory(ctx, identity, accept)
}

// Compared reports the findings and changes of a comparison of the catalogue with the disk.
type Compared struct {
	metadata.Report
	Forgotten int   // deleted recordings whose facts beside the file were removed
	Unsure    error // why facts of deleted recordings were kept; nil if none were

	// Damaged lists the recordings whose facts beside their files are damaged: they count as
	// protected. Unread is the reason why the list may be incomplete.
	Damaged []media.ID
	Unread  error
}

// Compare updates the catalogue to the files of a record directory, for which ClaimDirectory
// has succeeded. It calls progress, which may be nil, as it goes. A recorder may run: files
// that it writes are left alone. Each change of a recording is made through by; with zero Turns
// nothing else in this process may change a recording.
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

// Turns call functions while no other code changes a recording, or many recordings: see
// metadata.Comparison.
type Turns struct {
	Alone     func(ctx context.Context, id media.ID, change func(context.Context) error) error
	AloneWith metadata.AloneWith
}

// turns returns the Turns of a store.
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

// unfinished returns a function that reports whether a file is being written or waits for
// recovery.
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

// forgetOrphans removes the facts beside files whose recordings the catalogue does not have,
// right after a comparison with the disk. It removes nothing if the comparison left anything
// open: an unfinished file, or one without its row, may own the facts.
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
