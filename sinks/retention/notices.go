package retention

import (
	"io/fs"
	"os"
	"slices"
	"time"
)

// takeNotices updates the index and the totals from the notices that recorders and the API
// left in the ledger. It opens new files only.
func (k *Keeper) takeNotices(now time.Time) {
	again, open := k.ledger.take()
	for _, path := range again {
		if f := k.index.items[path]; f == nil || f.Kind == Growing {
			k.index.markWrong(path)
		}
		k.see(path, now)
	}
	for _, f := range open {
		it := k.index.items[f.path]
		if it == nil {
			it = k.see(f.path, now)
		}
		if it != nil {
			k.resize(it, f.sizeBytes)
		}
	}
}

// see reads one file as a scan does. It returns nil if the file is not ours, is gone, or is
// reached through a link, so that a scan finds it under another path. An item that may be
// deleted from now on enters the queue.
func (k *Keeper) see(path string, now time.Time) *Item {
	old := k.index.items[path]
	info, err := os.Lstat(k.index.path(path))
	if err != nil || !info.Mode().IsRegular() || !k.index.direct(path) {
		k.lose(path)
		return nil
	}
	it := k.index.itemOf(path, fs.FileInfoToDirEntry(info), now)
	if it == nil {
		k.lose(path)
		return nil
	}
	queued := old != nil && old.ID == it.ID && old.Kind != Growing
	if old != nil {
		k.totals.count(old, -1)
		if queued { // the queue points to this item
			*old = *it
			it = old
		}
	}
	k.index.items[path] = it
	k.totals.count(it, 1)
	if r, goes := k.policy.ranked(it, now, k.expires); goes && !queued {
		at, _ := slices.BinarySearchFunc(k.queue, r, inOrder)
		k.queue = slices.Insert(k.queue, at, r)
	}
	return it
}

// lose removes a file that is gone from the index and the totals. Its entry in the queue stays
// until its turn; remove then skips it.
func (k *Keeper) lose(path string) {
	if it := k.index.items[path]; it != nil {
		k.totals.count(it, -1)
		delete(k.index.items, path)
	}
	delete(k.index.firstSeenUTC, path)
}

func (k *Keeper) resize(it *Item, size int64) {
	k.totals.count(it, -1)
	it.SizeBytes = size
	k.totals.count(it, 1)
}
