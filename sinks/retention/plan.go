package retention

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
)

// maxNext bounds how many of the next evictions a plan names.
const maxNext = 100

// Plan is what retention would do, and what there is. Making it deletes nothing.
type Plan struct {
	At      time.Time
	Space   Space
	High    int64 // bytes of the disk that may be used; 0: no limit
	Low     int64 // what is used when room has been made
	Bytes   int64 // of footage
	Now     []Eviction
	Next    []Eviction // that would follow when room is needed, at most 100
	Kept    map[Class]Count
	Held    *Held      // what has expired and waits; nil: nothing does
	Waiting []Eviction // of that the first 100
	Clock   pipeline.ClockReading
	Streams []StreamPlan
	Stopped map[string]time.Time // streams without room, since when

	Active      bool
	BytesPerDay int64     // that footage grew by in the last day
	FullAt      time.Time // when the disk reaches High, or its end, at this rate; zero: not in sight
	LastError   string
}

// Count is a number of files.
type Count struct {
	Files int
	Bytes int64
}

// StreamPlan is what a stream keeps.
type StreamPlan struct {
	Stream      string
	Count       Count
	Protected   Count
	Oldest      time.Time // start of its oldest recording that is not protected, else zero
	Newest      time.Time
	Keeps       time.Duration // how far back its unprotected footage reaches
	BytesPerDay int64
	Priority    int
}

// Plan looks at the disk anew.
func (k *Keeper) Plan(ctx context.Context) (*Plan, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.readClock()
	now := k.clock.Now
	if err := k.shelf.check(); err != nil {
		return nil, err
	}
	space, err := k.deps.Disk(k.deps.Dir)
	if err != nil {
		return nil, err
	}
	if err := k.refresh(ctx, now); err != nil {
		return nil, err
	}
	items := k.shelf.list()
	p := &Plan{
		At: k.clock.Best, Clock: k.clock, Held: k.held, Space: space, Bytes: k.totals.all, Active: k.policy.Active(), LastError: k.lastErr,
		Kept: map[Class]Count{}, Stopped: map[string]time.Time{},
	}
	for stream, by := range k.stopped {
		p.Stopped[stream] = by.Since
	}
	if high, limited := space.high(k.policy.DiskMaxPercent, k.policy.MinFree); limited {
		p.High, p.Low = high, max(high-margin(space.Total)-k.filling.soon(space), 0)
	}
	rules := slices.Concat(k.policy.byteRules(k.totals, totals{}), k.policy.diskRules(space, 0), k.policy.inodeRules(space))
	var left []ranked
	p.Now, left, _ = choose(slices.Clone(k.queue), rules, true)
	for _, r := range left[:min(len(left), maxNext)] {
		p.Next = append(p.Next, Eviction{r.Item, r.class, "room"})
	}
	p.Waiting = k.waiting()
	p.describe(&k.policy, items)
	p.forecast()
	k.await(space)
	return p, nil
}

// waiting lists the first of what has expired and stays.
func (k *Keeper) waiting() (out []Eviction) {
	if k.held == nil {
		return nil
	}
	for _, r := range k.policy.rank(k.shelf.list(), k.clock.Now, func(it *Item) bool { return !k.expires(it) }) {
		if r.class == ClassExpired && len(out) < maxNext {
			out = append(out, Eviction{r.Item, r.class, "expire_days"})
		}
	}
	return out
}

// describe sums up what is kept, by reason and by stream.
func (p *Plan) describe(policy *Policy, items []*Item) {
	streams := map[string]*StreamPlan{}
	for _, it := range items {
		class := policy.class(it, p.At)
		if !class.goes() {
			p.Kept[class] = p.Kept[class].plus(it)
		}
		if it.Stream == "" {
			continue
		}
		s := streams[it.Stream]
		if s == nil {
			s = &StreamPlan{Stream: it.Stream, Priority: policy.priority(it.Stream)}
			streams[it.Stream] = s
		}
		s.add(it, p.At)
	}
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		s := streams[name]
		s.BytesPerDay = perDay(s.BytesPerDay, s.span(p.At))
		p.Streams = append(p.Streams, *s)
		p.BytesPerDay += s.BytesPerDay
	}
}

// day is what rates are measured over.
const day = 24 * time.Hour

func (s *StreamPlan) add(it *Item, now time.Time) {
	s.Count = s.Count.plus(it)
	start, end := time.Unix(0, it.began()), time.Unix(0, it.ended())
	if it.undated { // it is new, whatever it says
		start, end = now, now
	}
	if it.Protected {
		s.Protected = s.Protected.plus(it)
	} else if s.Oldest.IsZero() || start.Before(s.Oldest) {
		s.Oldest, s.Keeps = start, max(now.Sub(start), 0)
	}
	if end.After(s.Newest) {
		s.Newest = end
	}
	if now.Sub(end) < day {
		s.BytesPerDay += it.Size // of the last day so far; see span
	}
}

// span is the part of the last day that the stream's footage reaches back over.
func (s *StreamPlan) span(now time.Time) time.Duration {
	return min(cmp.Or(s.Keeps, day), day)
}

func perDay(bytes int64, over time.Duration) int64 {
	return int64(float64(bytes) * float64(day) / float64(max(over, time.Minute)))
}

func (c Count) plus(it *Item) Count { return Count{c.Files + 1, c.Bytes + it.Size} }

// forecast tells when the disk will be as full as it may be.
func (p *Plan) forecast() {
	full := cmp.Or(p.High, p.Space.Total)
	if p.BytesPerDay <= 0 {
		return
	}
	days := float64(max(full-p.Space.Used(), 0)) / float64(p.BytesPerDay)
	if days < 100*365 {
		p.FullAt = p.At.Add(time.Duration(days * float64(day)))
	}
}
