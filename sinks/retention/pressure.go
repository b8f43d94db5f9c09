package retention

import (
	"context"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
)

// passed returns the rules that ask for room.
func (k *Keeper) passed(space filesystem.Capacity) []rule {
	next := k.ledger.next()
	disk := max(k.filling.soon(space), min(next.all, space.Usable/maxAhead))
	return slices.Concat(k.policy.byteRules(k.totals, next), k.policy.diskRules(space, disk), k.policy.inodeRules(space))
}

// await lets recorders wake the keeper when what they write comes near a limit. It
// is not done while a limit is passed that cannot be helped: looks in turn are
// often enough then.
func (k *Keeper) await(space filesystem.Capacity) {
	if k.ledger.wait(k.policy.watch(k.totals, space)) {
		k.Wake()
	}
}

// rescanAfter returns how old the list must be to be made anew when it has come to its
// end before its time: not at all while each one brings something to delete, since
// the disk fills meanwhile.
func (k *Keeper) rescanAfter() time.Duration {
	if k.barren {
		return max(5*time.Second, 10*k.took)
	}
	return k.took
}

// relieve deletes what expired and what the rules need. The list may be an hour
// old, which does not hurt: what it lacks is newer than what it has. When it has
// come to its end it is made anew.
func (k *Keeper) relieve(ctx context.Context, rules []rule, whole bool, now time.Time) error {
	if k.lacking = now.Before(k.rest); k.lacking {
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

// free deletes what the rules choose, and tells for which there was too little.
func (k *Keeper) free(ctx context.Context, rules []rule, expired bool, now time.Time) (short []shortage, err error) {
	var evictions []eviction
	evictions, k.queue, short = choose(k.queue, rules, expired)
	return short, k.evict(ctx, evictions, now)
}

// still returns the rules that are passed after what was deleted so far.
func (k *Keeper) still(rules []rule) []rule {
	space, err := k.deps.Disk(k.deps.Dir)
	if err != nil || len(rules) == 0 {
		return nil
	}
	return k.passed(space)
}
