package retention

import (
	"context"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// passed returns a rule for each configured limit that is exceeded, or is expected to be exceeded
// before the keeper's next look. space is the capacity of the disk.
func (k *Keeper) passed(space filesystem.Capacity) []rule {
	next := k.ledger.next()
	disk := max(k.fillRate.expectedBytes(space), min(next.all, space.UsableBytes/maxAhead))
	return slices.Concat(k.policy.byteRules(k.totals, next), k.policy.diskRules(space, disk), k.policy.inodeRules(space))
}

// await sets the limits at which a recorder's notice wakes the keeper before its next look. If one of
// them is exceeded already, await wakes the keeper at once. A look calls await only if it could make
// room: waking the keeper early would be in vain while nothing may be deleted.
func (k *Keeper) await(space filesystem.Capacity) {
	if k.ledger.wait(k.policy.watch(k.totals, space)) {
		k.Wake()
	}
}

// rescanAfter returns the least time between two scans that are made because the queue has run out
// of files. It is the duration of the last scan; while such scans find nothing to delete, it is ten
// times that, at least 5 s.
func (k *Keeper) rescanAfter() time.Duration {
	if k.barren {
		return max(5*time.Second, 10*k.took)
	}
	return k.took
}

// relieve deletes the items that the rules demand to delete. If whole is set, this look has scanned the
// directory, and relieve also deletes the expired items. Otherwise, if the queue runs out of items,
// relieve scans the directory and tries once more; if the last scan is less than rescanAfter ago, it
// leaves that to a later look. If room is still missing after a scan, it stops a recording for each
// rule that lacks room: see stopLowest.
//
// The scan is needed because the last one may be an hour old: files that it did not see may be
// deleted, too.
func (k *Keeper) relieve(ctx context.Context, rules []rule, whole bool, now time.Time) error {
	if k.lacking = now.Before(k.restUntil); k.lacking {
		rules = nil
	}
	deleted := k.counts.files.Load()
	short, err := k.free(ctx, rules, whole, now)
	k.lacking = k.lacking || len(short) > 0
	if err != nil || len(short) == 0 {
		return err
	}
	if !whole {
		if now.Sub(k.scanned) < k.rescanAfter() {
			return nil
		}
		if err := k.refresh(ctx, now); err != nil {
			return err
		}
		deleted = k.counts.files.Load()
		if short, err = k.free(ctx, k.still(rules), false, now); err != nil {
			return err
		}
	}
	k.barren, k.lacking = k.counts.files.Load() == deleted, len(short) > 0
	return k.stopLowest(ctx, short, now)
}

// free deletes items from the queue until the rules are satisfied, and the expired items if expired is
// set. It returns the rules for which the queue held too few items as short, and the errors of evict.
func (k *Keeper) free(ctx context.Context, rules []rule, expired bool, now time.Time) (short []shortage, err error) {
	var evictions []eviction
	evictions, k.queue, short = choose(k.queue, rules, expired)
	return short, k.evict(ctx, evictions, now)
}

// still measures the disk again and returns the rules of the limits that are exceeded even after the
// deletions of this look, or are expected to be: see passed. It returns nil if rules, the rules before
// the deletions, is empty, or if the disk cannot be measured.
func (k *Keeper) still(rules []rule) []rule {
	space, err := k.deps.Disk(k.deps.Dir)
	if err != nil || len(rules) == 0 {
		return nil
	}
	return k.passed(space)
}
