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

// upkeepEvery is how often the catalogue is looked after, and protectedEvery how
// often it is asked what protected recordings take.
const (
	upkeepEvery    = time.Hour
	protectedEvery = time.Minute
)

// upkeep keeps the catalogue from growing with what is gone, and tells the bounds
// of protection what is protected.
func (s *Server) upkeep(ctx context.Context) error {
	s.proveClock(ctx) // by the journal alone, where the database is away
	for last, proven := (time.Time{}), false; ; {
		if err := s.catalogue.Ready(ctx); err != nil && ctx.Err() != nil {
			return nil
		}
		s.lookForReplaced(ctx)
		if n, err := s.catalogue.ProtectedBytes(ctx); err == nil {
			s.protection.Told(n)
		}
		proven = proven || s.proveClock(ctx)
		if s.upkeepDue(last) && s.keepBounds(ctx) {
			last = s.clock.Now()
		}
		if !pipeline.Sleep(ctx, s.clock, protectedEvery, nil) {
			return nil
		}
	}
}

// upkeepDue reports whether it is time, by a clock that is believed: what is kept no
// longer is so by its age.
func (s *Server) upkeepDue(last time.Time) bool {
	r := s.wall.Read()
	return r.Believed() && (last.IsZero() || r.Now.Sub(last) >= upkeepEvery)
}

// proveClock tells the clock of the newest recordings that the catalogue knows of, and
// of the newest from before this start. A row is no newer than its file.
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

// keepBounds takes away what is kept no longer; false: it is to be tried again.
func (s *Server) keepBounds(ctx context.Context) bool {
	kept, err := s.catalogue.Upkeep(ctx, metadata.UpkeepOptions{
		KeepEvents: s.cfg.Events.Keep.D(), KeepLost: s.cfg.Retention.KeepLost.D(), AloneWith: s.footage.AloneWith,
	})
	if kept.NewlyLost > 0 {
		s.log.Warn("recordings that lay elsewhere alone are lost: no place has them whole any more", "recordings", kept.NewlyLost)
	}
	if kept.Events+kept.Lost > 0 {
		s.log.Info("the catalogue forgot what was over", "events", kept.Events, "lost_recordings", kept.Lost)
	}
	switch {
	case err == nil:
		return true
	case ctx.Err() == nil && !errors.Is(err, metadata.ErrUnavailable) && !errors.Is(err, metadata.ErrClaimed):
		s.log.Warn("the catalogue could not be looked after: it is tried again", "error", err)
	}
	return false
}

// protectable is how many bytes of a directory's disk events may protect in all, 0
// for no limit, and where the disk cannot be asked.
func protectable(dir string, percent int) int64 {
	disk, err := filesystem.CapacityOf(dir)
	if err != nil {
		return 0
	}
	return disk.TotalBytes / 100 * int64(percent)
}
