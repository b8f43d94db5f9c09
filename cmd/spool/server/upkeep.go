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

// upkeepEvery is the interval at which old rows are removed, protectedEvery the interval at which the bytes of
// protected recordings are summed up.
const (
	upkeepEvery    = time.Hour
	protectedEvery = time.Minute
)

// upkeep runs until ctx ends. Every protectedEvery it passes the sum of the bytes of protected
// recordings to s.protection, and looks for recordings of another directory at this record path. Every
// upkeepEvery it removes old rows. Until the database has answered once, it also passes the times of
// recordings to the clock judge: see proveClock.
func (s *Server) upkeep(ctx context.Context) error {
	s.proveClock(ctx) // before the database answers, with the recordings in the journal
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

// upkeepDue reports whether old rows are due to be removed. last is the time at which they were last removed.
// upkeepDue returns false while the clock is not believed, because rows are removed by their age.
func (s *Server) upkeepDue(last time.Time) bool {
	r := s.wall.Read()
	return r.Believed() && (last.IsZero() || r.Now.Sub(last) >= upkeepEvery)
}

// proveClock passes times that have certainly passed to s.wall, which judges the clock: the start times of
// this recorder's newest recordings, and of its newest recordings from before this start of spool. If the
// file of a recording was modified before the start time in its row, proveClock passes the modification time
// instead. It returns false if the database has not answered.
func (s *Server) proveClock(ctx context.Context) (all bool) {
	all = true
	for _, before := range []time.Time{{}, s.wall.Began()} {
		page, err := s.catalogue.Records(ctx, media.Query{Limit: 20, End: before})
		if err != nil {
			return false
		}
		all = all && !page.Degraded
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

// removeOldRows removes the rows of events and of lost recordings that are older than the settings
// events.keep and retention.keep_lost. It returns false if it has failed and must be called again.
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

// protectable returns the number of bytes that all events together may protect: percent of the size of
// the disk that dir is on. It returns 0, which means no limit, if percent is 0 or the size cannot be
// read.
func protectable(dir string, percent int) int64 {
	disk, err := filesystem.CapacityOf(dir)
	if err != nil {
		return 0
	}
	return disk.TotalBytes / 100 * int64(percent)
}
