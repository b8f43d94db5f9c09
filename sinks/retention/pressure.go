package retention

import (
	"context"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// passed returns the rules that need room.
func (k *Keeper) passed(space filesystem.Capacity) []rule {
	next := k.ledger.next()
	disk := max(k.fillRate.expectedBytes(space), min(next.all, space.UsableBytes/maxAhead))
	return slices.Concat(k.policy.byteRules(k.totals, next), k.policy.diskRules(space, disk), k.policy.inodeRules(space))
}

// await lets recorders wake the keeper when their writes come near a limit. The keeper does
// not await while it cannot satisfy a passed limit: its regular looks suffice then.
func (k *Keeper) await(space filesystem.Capacity) {
	if k.ledger.wait(k.policy.watch(k.totals, space)) {
		k.Wake()
	}
}

// rescanAfter returns the least age at which an exhausted queue is built anew. It is short
// while each scan finds files to delete, since the disk fills meanwhile.
func (k *Keeper) rescanAfter() time.Duration {
	if k.barren {
		return max(5*time.Second, 10*k.took)
	}
	return k.took
}

// relieve deletes the expired items and those that the rules need. The queue may be an hour
// old, which does no harm: files missing from it are newer than those in it. An exhausted
// queue is built anew.
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

// free deletes the items that the rules choose, and returns the rules that found too few.
func (k *Keeper) free(ctx context.Context, rules []rule, expired bool, now time.Time) (short []shortage, err error) {
	var evictions []eviction
	evictions, k.queue, short = choose(k.queue, rules, expired)
	return short, k.evict(ctx, evictions, now)
}

// still returns the rules that are passed after the deletions so far.
func (k *Keeper) still(rules []rule) []rule {
	space, err := k.deps.Disk(k.deps.Dir)
	if err != nil || len(rules) == 0 {
		return nil
	}
	return k.passed(space)
}
