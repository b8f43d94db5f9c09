package retention

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// batch is the number of files that are deleted before their rows are deleted together, with one
// write of the catalogue's journal.
const batch = 256

// restFor is the time for which nothing is deleted to make room, after deleted files gave no room
// or no inodes back.
const restFor = 10 * time.Second

// evict deletes files in batches, and the rows of a batch after its files. One call deletes any
// number of files: deletion must keep up with recording. After a failure it goes on with the next
// file. It returns the joined errors: for each batch, the first error of its files and the error of
// Store.Forget.
func (k *Keeper) evict(ctx context.Context, evictions []eviction, now time.Time) error {
	var errs []error
	for len(evictions) > 0 && ctx.Err() == nil {
		n := min(len(evictions), batch)
		began := k.deps.Clock.Now()
		before, _ := k.deps.Disk(k.deps.Dir)
		gone, room, err := k.remove(ctx, evictions[:n])
		if err != nil {
			errs = append(errs, err)
		}
		if len(gone) > 0 {
			if err := k.deps.Store.Forget(ctx, gone); err != nil {
				errs = append(errs, fmt.Errorf("rows of deleted files stay until the next reindex: %w", err))
			}
			k.settle(before, room, began, now)
			if evictions[0].cause == inodesCause {
				k.settleInodes(before, len(gone), now)
			}
		}
		evictions = evictions[n:]
	}
	return errors.Join(errs...)
}

// remove deletes the files of one batch that may still be deleted. It returns the deleted items,
// the bytes that their deletion should give back (room), and the first error. After an error it
// goes on.
func (k *Keeper) remove(ctx context.Context, evictions []eviction) (gone []*Item, room int64, first error) {
	for _, e := range evictions {
		if k.index.items[e.Path] != e.Item {
			continue // the file is gone, or another file has its path
		}
		was := *e.Item
		if !k.index.reread(e.Item, k.clock.Best) {
			*e.Item = was
			k.see(e.Path, k.clock.Best)
			continue
		}
		if !goes(k.policy.class(e.Item, k.clock.Best)) {
			continue
		}
		err := k.deps.Store.Remove(ctx, e.Item)
		switch {
		case errors.Is(err, ErrKept):
			continue
		case err != nil:
			if first == nil {
				first = err
			}
			continue
		}
		k.accountDeleted(e)
		gone, room = append(gone, e.Item), room+e.RoomBytes
	}
	return gone, room, first
}

// accountDeleted removes a deleted file from the index and the totals, counts it and logs it.
func (k *Keeper) accountDeleted(e eviction) {
	k.lose(e.Path)
	k.counts.files.Add(1)
	k.counts.bytes.Add(uint64(e.SizeBytes))
	k.deps.Log.Info("recording deleted", "file", e.Path, "stream", e.Stream, "recording", e.id(),
		"class", string(e.class), "cause", e.cause, "end", time.Unix(0, e.EndUTC).UTC(), "bytes", e.SizeBytes, "clock", k.clock.Now.UTC())
}

// settle checks whether a batch made room. It compares the bytes that deletion should give back
// (room) with the bytes that became free since before, plus the bytes that were probably recorded
// since began. If less than half became free, a snapshot or an open file may keep the blocks. If
// consecutive batches fail in this way until the missing bytes exceed three times the function margin,
// settle stops the deletion that makes room, for the time restFor: it would cost all footage and gain
// nothing.
func (k *Keeper) settle(before filesystem.Capacity, room int64, began, now time.Time) {
	after, err := k.deps.Disk(k.deps.Dir)
	if err != nil {
		return
	}
	k.fillRate.freed(after)
	gained := after.FreeBytes - before.FreeBytes + k.fillRate.during(k.deps.Clock.Now().Sub(began))
	if gained >= room/2 {
		k.futileBytes = 0
		return
	}
	if k.futileBytes += room - max(gained, 0); k.futileBytes <= 3*margin(after.UsableBytes) {
		return
	}
	k.restUntil, k.futileBytes = now.Add(restFor), 0
	k.deps.Log.Error("deleting recordings gives no room back: a snapshot, or a program that has them open, holds it; waiting",
		"deleted_bytes", room, "gained_bytes", gained, "wait", restFor)
}

// settleInodes checks whether the deletion of a number of files freed inodes. If it freed less than
// half as many, a snapshot keeps the inodes, or another program creates files as fast. settleInodes
// then stops the deletion that makes room, for the time restFor: it would go on until no footage is
// left.
func (k *Keeper) settleInodes(before filesystem.Capacity, files int, now time.Time) {
	after, err := k.deps.Disk(k.deps.Dir)
	if err != nil || after.FreeInodes-before.FreeInodes >= int64(files)/2 {
		return
	}
	k.restUntil = now.Add(restFor)
	k.deps.Log.Error("deleting recordings gives no inodes back: a snapshot holds them, or another program makes files as quickly; waiting",
		"deleted_files", files, "gained_inodes", after.FreeInodes-before.FreeInodes, "wait", restFor)
}
