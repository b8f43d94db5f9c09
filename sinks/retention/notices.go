package retention

import (
	"io/fs"
	"os"
	"slices"
	"time"
)

// takeNotices updates the index, the totals and the queue from the notices of recorders and of the API
// (see ledger) since the last look. It opens only the files that appeared or changed their name.
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

// see updates the index and the totals for one file as a scan would, and returns the file's item.
// If the item may be deleted, see makes sure that it is in the queue. It returns nil, and removes
// the file from the index, if a scan would not find the file under this path: the file is gone, it
// is not a file of this program, or the path contains a symbolic link.
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
		if queued { // the queue points to the old item: overwrite that
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

// lose removes a file that is gone from the index and the totals. The file's item stays in the
// queue, and Keeper.remove skips it.
func (k *Keeper) lose(path string) {
	if it := k.index.items[path]; it != nil {
		k.totals.count(it, -1)
		delete(k.index.items, path)
	}
	delete(k.index.firstSeenUTC, path)
}

// resize sets the length of an item, in bytes, and corrects the totals.
func (k *Keeper) resize(it *Item, size int64) {
	k.totals.count(it, -1)
	it.SizeBytes = size
	k.totals.count(it, 1)
}
