package retention

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/retained"
)

// maxNext is the most evictions in each of the lists Next and Waiting of a plan.
const maxNext = 100

// Plan scans the record directory. It returns the files that retention would delete now and next,
// and the sums of those that it keeps, by reason and by stream. It deletes nothing. The caller owns
// the plan.
func (k *Keeper) Plan(ctx context.Context) (*retained.Plan, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.readClock()
	if err := k.index.check(); err != nil {
		return nil, err
	}
	space, err := k.deps.Disk(k.deps.Dir)
	if err != nil {
		return nil, err
	}
	if err := k.refresh(ctx, k.clock.Now); err != nil {
		return nil, err
	}
	items := k.index.list()
	p := &retained.Plan{
		At: k.clock.Best, Clock: k.clock, Active: k.policy.Active(), DiskBytes: space.UsableBytes, UsedBytes: space.UsedBytes(),
		Bytes: k.totals.all, Stopped: k.withoutRoom(), LastError: k.lastErr,
	}
	if k.held != nil {
		held := *k.held
		p.Held = &held
	}
	if high, limited := mark(space, k.policy.DiskMaxPercent, k.policy.MinFreeBytes); limited {
		p.HighBytes, p.LowBytes = high, max(high-margin(space.UsableBytes)-k.fillRate.expectedBytes(space), 0)
	}
	rules := slices.Concat(k.policy.byteRules(k.totals, totals{}), k.policy.diskRules(space, 0), k.policy.inodeRules(space))
	now, left, _ := choose(slices.Clone(k.queue), rules, true)
	for _, e := range now {
		p.Now = append(p.Now, e.forPlan())
	}
	for _, r := range left[:min(len(left), maxNext)] {
		p.Next = append(p.Next, eviction{r.Item, r.class, "room"}.forPlan())
	}
	p.Waiting = k.waiting()
	k.policy.describe(p, items)
	forecast(p)
	k.await(space)
	return p, nil
}

// forPlan returns a copy of an eviction for a plan, which is read without Keeper.mu.
func (e eviction) forPlan() retained.Eviction {
	return retained.Eviction{ID: e.ID, Path: e.Path, Stream: e.Stream, StartUTC: e.StartUTC, SizeBytes: e.SizeBytes, Class: e.class, Cause: e.cause}
}

// withoutRoom returns the streams whose recording retention has stopped, sorted by path.
func (k *Keeper) withoutRoom() (out []retained.Stopped) {
	for _, stream := range slices.Sorted(maps.Keys(k.stopped)) {
		out = append(out, retained.Stopped{Stream: stream, Since: k.stopped[stream].Since})
	}
	return out
}

// waiting returns the expired items that hold keeps from deletion, at most maxNext, in the order in
// which they will be deleted. It returns nil if hold keeps none.
func (k *Keeper) waiting() (out []retained.Eviction) {
	if k.held == nil {
		return nil
	}
	for _, r := range k.policy.rank(k.index.list(), k.clock.Now, func(it *Item) bool { return !k.expires(it) }) {
		if r.class == retained.ClassExpired && len(out) < maxNext {
			out = append(out, eviction{r.Item, r.class, "expire_days"}.forPlan())
		}
	}
	return out
}

// describe adds to a plan the sums of the items that must stay, by reason, and the sums of all
// items of each stream.
func (p *Policy) describe(plan *retained.Plan, items []*Item) {
	kept, streams := map[retained.Class]retained.Count{}, map[string]*retained.Stream{}
	for _, it := range items {
		if class := p.class(it, plan.At); !goes(class) {
			kept[class] = kept[class].Plus(it.SizeBytes)
		}
		if it.Stream == "" {
			continue
		}
		s := streams[it.Stream]
		if s == nil {
			s = &retained.Stream{Stream: it.Stream, Priority: p.priority(it.Stream)}
			streams[it.Stream] = s
		}
		count(s, it, plan.At)
	}
	for _, reason := range slices.Sorted(maps.Keys(kept)) {
		plan.Kept = append(plan.Kept, retained.Kept{Reason: reason, Count: kept[reason]})
	}
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		s := streams[name]
		s.BytesPerDay = perDay(s.BytesPerDay, span(s))
		plan.Streams = append(plan.Streams, *s)
		plan.BytesPerDay += s.BytesPerDay
	}
}

// day is the period of BytesPerDay.
const day = 24 * time.Hour

// count adds an item to a stream's sums. It adds the length of an item that ended in the last day
// to BytesPerDay, from which describe computes the rate.
func count(s *retained.Stream, it *Item, now time.Time) {
	s.Count = s.Count.Plus(it.SizeBytes)
	start, end := time.Unix(0, it.began()), time.Unix(0, it.ended())
	if it.undated { // an item without a date counts as new
		start, end = now, now
	}
	if it.Protected {
		s.Protected = s.Protected.Plus(it.SizeBytes)
	} else if s.Oldest.IsZero() || start.Before(s.Oldest) {
		s.Oldest, s.Keeps = start, max(now.Sub(start), 0)
	}
	if end.After(s.Newest) {
		s.Newest = end
	}
	if now.Sub(end) < day {
		s.BytesPerDay += it.SizeBytes
	}
}

// span returns the time from the start of a stream's oldest unprotected recording (s.Keeps), at
// most a day: within this time the bytes of s.BytesPerDay were recorded. It returns a day if the
// stream has no such recording.
func span(s *retained.Stream) time.Duration { return min(cmp.Or(s.Keeps, day), day) }

// leastSpan is the shortest span of recordings from which perDay computes a rate.
const leastSpan = time.Hour

// perDay returns the rate, in bytes a day, of bytes that were recorded in the time over. It returns
// 0 if over is below leastSpan.
func perDay(bytes int64, over time.Duration) int64 {
	if over < leastSpan {
		return 0
	}
	return int64(float64(bytes) * float64(day) / float64(over))
}
