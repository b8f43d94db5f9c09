package main

import (
	"context"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
)

// reconcile makes the catalogue say what is on the disk. It waits for the
// database, which may come later than the recorder, and for the operator where
// the directory is not the catalogue's.
func (h *house) reconcile(ctx context.Context, dir string) error {
	backoff := pipeline.Backoff{Max: 5 * time.Second}
	found, err := h.compare(ctx, dir)
	for (errors.Is(err, metadata.ErrUnavailable) || errors.Is(err, metadata.ErrOtherDirectory)) && ctx.Err() == nil {
		again, stop := pipeline.SystemClock.After(backoff.Next())
		select {
		case <-again:
			found, err = h.compare(ctx, dir)
		case <-ctx.Done():
			err = ctx.Err()
		}
		stop()
	}
	if found.Adopted > 0 {
		h.log.Info("recordings that were made under another name of this recorder are under its own now", "adopted", found.Adopted,
			"left_alone", found.NotAdopted)
	}
	if found.Others > 0 {
		h.log.Info("files whose recordings are of another recorder are left alone", "files", found.Others)
	}
	if found.Added+found.Updated+found.Lost > 0 {
		h.log.Info("the catalogue was compared with the disk", "files", found.Files, "added", found.Added, "updated", found.Updated, "lost", found.Lost)
	}
	return err
}

// compare does nothing where the rows are of another directory: the disk with the
// recordings is not mounted, and none of them is lost.
func (h *house) compare(ctx context.Context, dir string) (metadata.Report, error) {
	err := h.catalogue.ClaimDirectory(ctx, identity(dir), false)
	if errors.Is(err, metadata.ErrOtherDirectory) {
		text := err.Error()
		if h.elsewhere.Swap(&text) == nil {
			h.log.Error("the catalogue is not compared with the disk", "error", err)
		}
	}
	if err != nil {
		return metadata.Report{}, err
	}
	h.elsewhere.Store(nil)
	return h.catalogue.Reconcile(ctx, dir, mp4.ReadEntry, unfinished(dir), nil)
}
