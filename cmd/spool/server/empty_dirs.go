package main

import (
	"context"
	"path/filepath"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// removeEmptyDirs removes the directories of recordings that are not there any more
// and were not removed with the last of them: a crash came in between, or files were
// deleted by hand.
func (h *house) removeEmptyDirs(ctx context.Context, dir string) error {
	cfg := h.plans.state().all
	removed, err := disk.RemoveEmptyDirs(ctx, dir, patterns(cfg)[filepath.Clean(dir)], func(stream string) bool {
		if _, configured := cfg.Streams[configs.StreamPath(stream)]; configured {
			return true
		}
		page, err := h.catalogue.Records(ctx, media.Query{Stream: stream, Limit: 1})
		return err == nil && len(page.Records) > 0
	})
	if removed > 0 {
		h.log.Info("empty directories are removed", "directories", removed)
	}
	return err
}
