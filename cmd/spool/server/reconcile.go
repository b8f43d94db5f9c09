package main

import (
	"context"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
)

// reconcile makes the catalogue say what is on the disk. It goes on until it has:
// it waits for the database, which may come later than the recorder, for the disk,
// and for the operator where the directory is not the catalogue's.
func (h *house) reconcile(ctx context.Context, dir string) error {
	backoff := pipeline.Backoff{Max: 5 * time.Second}
	said := ""
	for {
		found, err := h.compare(ctx, dir)
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
		if err == nil {
			return nil
		}
		known := errors.Is(err, metadata.ErrUnavailable) || errors.Is(err, metadata.ErrOtherDirectory) || errors.Is(err, metadata.ErrClaimed) // which are said elsewhere
		if text := err.Error(); !known && text != said && ctx.Err() == nil {
			said = text
			h.log.Error("the catalogue could not be compared with the disk: it is tried again", "error", err)
		}
		if !h.again(ctx, &backoff) {
			return ctx.Err()
		}
	}
}

// compareAgain compares whenever the database turns out to have lost rows: after a
// failover to a standby that was behind, or when a backup was put back.
func (h *house) compareAgain(ctx context.Context, dir string) error {
	for {
		select {
		case <-h.catalogue.Behind():
			if err := h.reconcile(ctx, dir); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
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
	found, err := h.catalogue.Reconcile(ctx, dir, mp4.ReadEntry, unfinished(dir), nil)
	if err == nil {
		removed, unsure := forgetOrphans(ctx, h.catalogue, dir, found)
		if removed > 0 {
			h.log.Info("what was known of deleted recordings is removed", "recordings", removed)
		}
		if unsure != nil {
			h.log.Warn("what is known of deleted recordings stays for now", "error", unsure)
		}
	}
	return found, err
}

// forgetOrphans removes what is known beside the files of recordings that the catalogue
// does not have, right after it was compared with the disk. Where that left anything open
// nothing is removed: a file that is yet to be finished may be theirs.
func forgetOrphans(ctx context.Context, catalogue *metadata.Catalogue, dir string, found metadata.Report) (removed int, err error) {
	if found.Unfinished+found.Foreign+found.Aside > 0 {
		return 0, nil
	}
	return mp4.ForgetOrphans(dir, func(id media.ID) (bool, error) {
		_, err := catalogue.Record(ctx, id)
		if errors.Is(err, metadata.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
}
