package main

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline"
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
func (h *house) upkeep(ctx context.Context) error {
	remade := uint64(0)
	for last := (time.Time{}); ; {
		if err := h.catalogue.Ready(ctx); err != nil && !errors.Is(err, metadata.ErrClaimed) {
			return nil // the context has ended
		}
		if n := h.catalogue.Stats().Remade; n != remade {
			remade = n
			if err := h.reconcile(ctx, h.cfg.MP4.RecordPath); err != nil {
				return nil
			}
		}
		h.lookForReplaced(ctx)
		if n, err := h.catalogue.ProtectedBytes(ctx); err == nil {
			h.protection.Told(n)
		}
		if now := time.Now(); now.Sub(last) >= upkeepEvery && h.keepBounds(ctx) {
			last = now
		}
		c, stop := pipeline.SystemClock.After(protectedEvery)
		select {
		case <-c:
		case <-ctx.Done():
			stop()
			return nil
		}
	}
}

// keepBounds takes away what is kept no longer; false: it is to be tried again.
func (h *house) keepBounds(ctx context.Context) bool {
	kept, err := h.catalogue.Upkeep(ctx, metadata.UpkeepOptions{
		KeepEvents: h.cfg.Events.Keep.D(), KeepLost: h.cfg.Retention.KeepLost.D(),
	})
	if kept != (metadata.Kept{}) {
		h.log.Info("the catalogue forgot what was over", "events", kept.Events, "lost_recordings", kept.Lost)
	}
	switch {
	case err == nil:
		return true
	case ctx.Err() == nil && !errors.Is(err, metadata.ErrUnavailable) && !errors.Is(err, metadata.ErrClaimed):
		h.log.Warn("the catalogue could not be looked after: it is tried again", "error", err)
	}
	return false
}

// protectable is how many bytes of a directory's disk events may protect in all, 0
// for no limit, and where the disk cannot be asked.
func protectable(dir string, percent int) int64 {
	var disk unix.Statfs_t
	if unix.Statfs(dir, &disk) != nil {
		return 0
	}
	return int64(disk.Blocks) * int64(disk.Bsize) / 100 * int64(percent)
}
