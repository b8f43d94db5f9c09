package server

import (
	"context"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
)

// upkeepEvery is the interval of the catalogue's upkeep; protectedEvery is the interval at
// which the bytes of protected recordings are counted.
const (
	upkeepEvery    = time.Hour
	protectedEvery = time.Minute
)

// upkeep removes old rows from the catalogue and passes the bytes of protected recordings to
// the limit of protection.
func (s *Server) upkeep(ctx context.Context) error {
	s.proveClock(ctx) // from the journal, if the database does not answer
	for last, proven := (time.Time{}), false; ; {
		if err := s.catalogue.Ready(ctx); err != nil && ctx.Err() != nil {
			return nil
		}
		s.lookForReplaced(ctx)
		if n, err := s.catalogue.ProtectedBytes(ctx); err == nil {
			s.protection.SetProtectedBytes(n)
		}
		proven = proven || s.proveClock(ctx)
		if s.upkeepDue(last) && s.removeOldRows(ctx) {
			last = s.clock.Now()
		}
		if !pipeline.Sleep(ctx, s.clock, protectedEvery, nil) {
			return nil
		}
	}
}

// upkeepDue reports whether upkeep is due. It needs a believable clock, since rows are removed
// by their age.
func (s *Server) upkeepDue(last time.Time) bool {
	r := s.wall.Read()
	return r.Believed() && (last.IsZero() || r.Now.Sub(last) >= upkeepEvery)
}

// proveClock passes to the clock judge the times of the newest recordings in the catalogue, and
// of the newest from before this start. A row is no newer than its file. It reports whether the
// database answered.
func (s *Server) proveClock(ctx context.Context) (all bool) {
	for _, before := range []time.Time{{}, s.wall.Began()} {
		page, err := s.catalogue.Records(ctx, media.Query{Limit: 20, End: before})
		if err != nil {
			return false
		}
		all = !page.Degraded
		for _, r := range page.Records {
			if r.Node != s.catalogue.Node() {
				continue
			}
			at := time.Unix(0, r.StartUTC)
			if made, err := (files{s.cfg.MP4.RecordPath}).modified(r.Path); err == nil && made.Before(at) {
				at = made
			}
			s.wall.Seen("the recording "+r.Path, at)
		}
	}
	return all
}

// removeOldRows removes events and lost recordings that are older than configured. It returns
// false if it must be tried again.
func (s *Server) removeOldRows(ctx context.Context) bool {
	kept, err := s.catalogue.Upkeep(ctx, metadata.UpkeepOptions{
		KeepEvents: s.cfg.Events.Keep.D(), KeepLost: s.cfg.Retention.KeepLost.D(), AloneWith: s.footage.AloneWith,
	})
	if kept.NewlyLost > 0 {
		s.log.Warn("recordings kept only at remote locations are lost: no location holds a complete copy any more", "recordings", kept.NewlyLost)
	}
	if kept.Events+kept.Lost > 0 {
		s.log.Info("old rows were removed from the catalogue", "events", kept.Events, "lost_recordings", kept.Lost)
	}
	switch {
	case err == nil:
		return true
	case ctx.Err() == nil && !errors.Is(err, metadata.ErrUnavailable) && !errors.Is(err, metadata.ErrClaimed):
		s.log.Warn("upkeep of the catalogue failed; spool tries again", "error", err)
	}
	return false
}

// protectable returns how many bytes of a directory's disk all events together may protect; 0
// means no limit, also if the disk's size cannot be read.
func protectable(dir string, percent int) int64 {
	disk, err := filesystem.CapacityOf(dir)
	if err != nil {
		return 0
	}
	return disk.TotalBytes / 100 * int64(percent)
}
