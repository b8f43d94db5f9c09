package retention

import (
	"maps"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/retained"
)

// rule is a passed limit: need bytes, or files, must be deleted from a stream, or from any
// stream if stream is empty.
type rule struct {
	stream string
	cause  string // the setting's name, or inodesCause
	need   int64  // bytes, or files
	over   bool   // the mark itself is passed, not only expected to be
	sizes  bool   // the rule counts the lengths of files, not the room that they give back
	files  bool   // the rule counts files
}

// totals are the bytes of footage, growing and protected files included.
type totals struct {
	all      int64
	byStream map[string]int64
}

func (t *totals) add(stream string, bytes int64) {
	t.all += bytes
	t.byStream[stream] += bytes
}

// freed counts the items chosen so far, for each kind of rule.
type freed struct{ room, sizes, files totals }

func (f *freed) add(it *Item) {
	f.room.add(it.Stream, it.RoomBytes)
	f.sizes.add(it.Stream, it.SizeBytes)
	if it.RoomBytes > 0 {
		f.files.add(it.Stream, 1)
	}
}

func (f *freed) counted(r *rule) *totals {
	switch {
	case r.files:
		return &f.files
	case r.sizes:
		return &f.sizes
	}
	return &f.room
}

func total(items []*Item) totals {
	t := totals{byStream: map[string]int64{}}
	for _, it := range items {
		t.count(it, 1)
	}
	return t
}

// count adds an item with sign 1, or subtracts it with -1.
func (t *totals) count(it *Item, sign int64) {
	if it.Kind != Foreign {
		t.add(it.Stream, sign*it.SizeBytes)
	}
}

// byteRules returns the passed limits on the bytes of footage, streams first. next holds the
// bytes expected before the next look.
func (p *Policy) byteRules(t, next totals) (out []rule) {
	add := func(stream string, used, next, most int64) {
		next = min(next, most/maxAhead)
		if most > 0 && used+next > most {
			out = append(out, rule{stream: stream, cause: "max_bytes", need: used + next - most + most/50, over: used > most, sizes: true})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Streams)) {
		add(name, t.byStream[name], next.byStream[name], p.Streams[name].MaxBytes)
	}
	add("", t.all, next.all, p.MaxBytes)
	return out
}

// diskRules returns the passed limits on the disk. ahead is the bytes that may be written
// before the next look.
func (p *Policy) diskRules(s filesystem.Capacity, ahead int64) (out []rule) {
	add := func(stream, cause string, percent int, minFree int64) {
		high, limited := mark(s, percent, minFree)
		if limited && s.UsedBytes()+ahead > high {
			out = append(out, rule{stream: stream, cause: cause, need: s.UsedBytes() + ahead - high + margin(s.UsableBytes), over: s.UsedBytes() > high})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Streams)) {
		add(name, "min_free_bytes", 0, p.Streams[name].MinFreeBytes)
	}
	add("", "min_free_bytes", 0, p.MinFreeBytes)
	add("", "disk_max_percent", p.DiskMaxPercent, 0)
	return out
}

// inodesCause names the rule for inodes. It is no setting; it is active with the limits on the disk.
const inodesCause = "inodes"

// inodeRules returns a rule that deletes files if a limit on the disk is set and the disk runs
// out of inodes. It never stops a recording, which would give no inode back.
func (p *Policy) inodeRules(s filesystem.Capacity) []rule {
	least := leastInodes(s)
	if p.DiskMaxPercent == 0 && p.MinFreeBytes == 0 || s.Inodes == 0 || s.FreeInodes >= least {
		return nil
	}
	return []rule{{cause: inodesCause, need: 2*least - s.FreeInodes, files: true}}
}

// eviction is an item that is deleted, and the reason.
type eviction struct {
	*Item
	class retained.Class
	cause string // the name of the setting that requires it
}

// shortage is a rule that found nothing more to delete.
type shortage struct {
	rule
	missing int64
}

// choose takes the expired items and those that the rules need from the queue, and returns
// the rest of the queue. Each chosen item counts for every rule.
func choose(queue []ranked, rules []rule, expired bool) (out []eviction, left []ranked, short []shortage) {
	empty := func() totals { return totals{byStream: map[string]int64{}} }
	freed := freed{empty(), empty(), empty()}
	take := func(r ranked, cause string) {
		out = append(out, eviction{r.Item, r.class, cause})
		freed.add(r.Item)
	}
	left = queue
	if expired {
		left = nil
		for _, r := range queue {
			if r.class == retained.ClassExpired {
				take(r, "expire_days")
			} else {
				left = append(left, r)
			}
		}
	}
	for _, rule := range rules {
		var missing int64
		left, missing = rule.take(left, &freed, take)
		if missing > 0 {
			short = append(short, shortage{rule, missing})
		}
	}
	return out, left, short
}

// take serves one rule from the front of the queue, and returns how much is missing. A file
// with a second hard link gives no room back: a rule that needs room leaves it, or all such
// files would be deleted in vain.
func (r *rule) take(queue []ranked, freed *freed, take func(ranked, string)) (left []ranked, missing int64) {
	counted := freed.counted(r)
	got := func() int64 {
		if r.stream == "" {
			return counted.all
		}
		return counted.byStream[r.stream]
	}
	i, kept := 0, []ranked(nil)
	for ; i < len(queue) && got() < r.need; i++ {
		if (r.stream == "" || queue[i].Stream == r.stream) && (r.sizes || queue[i].RoomBytes > 0) {
			take(queue[i], r.cause)
		} else {
			kept = append(kept, queue[i])
		}
	}
	left = queue[i:]
	if len(kept) > 0 {
		left = append(kept, left...)
	}
	return left, max(r.need-got(), 0)
}

// scanEvery returns the interval of full scans: an hour, or a minute if a rule counts bytes of
// footage, and at least a hundred times the duration of the last scan.
func (p *Policy) scanEvery(took time.Duration) time.Duration {
	if p.counted() {
		return max(time.Minute, 100*took)
	}
	return max(time.Hour, 100*took)
}
