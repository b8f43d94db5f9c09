package retention

import (
	"maps"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/retained"
)

// rule is the demand of an exceeded limit: files must be deleted from one stream, or from any
// stream. It counts the room that the files give back (RoomBytes), unless sizes or files is set.
type rule struct {
	stream string // empty: any stream
	cause  string // the setting's name, or inodesCause
	need   int64  // the bytes to delete; if files is set, the number of files
	over   bool   // the limit is exceeded now; false: it is expected to be exceeded before the next look
	sizes  bool   // the rule counts the lengths of files (SizeBytes)
	files  bool   // the rule counts files that give room back
}

// totals are sums of bytes, or numbers of files, of all streams and of each stream.
type totals struct {
	all      int64
	byStream map[string]int64
}

func (t *totals) add(stream string, bytes int64) {
	t.all += bytes
	t.byStream[stream] += bytes
}

// freed sums up the items chosen for deletion in the three ways in which a rule may count: the room
// that the files give back, the lengths of the files, and the number of files that give room back.
type freed struct{ room, sizes, files totals }

func (f *freed) add(it *Item) {
	f.room.add(it.Stream, it.RoomBytes)
	f.sizes.add(it.Stream, it.SizeBytes)
	if it.RoomBytes > 0 {
		f.files.add(it.Stream, 1)
	}
}

// counted returns the sums from which the rule r computes whether it is satisfied: f.files if r.files
// is set, f.sizes if r.sizes is set, else f.room.
func (f *freed) counted(r *rule) *totals {
	switch {
	case r.files:
		return &f.files
	case r.sizes:
		return &f.sizes
	}
	return &f.room
}

// total returns the sums of the lengths of all files, in bytes, including growing and protected
// ones, without foreign ones.
func total(items []*Item) totals {
	t := totals{byStream: map[string]int64{}}
	for _, it := range items {
		t.count(it, 1)
	}
	return t
}

// count adds the length of an item if sign is 1, and subtracts it if sign is -1. It ignores foreign
// files.
func (t *totals) count(it *Item, sign int64) {
	if it.Kind != Foreign {
		t.add(it.Stream, sign*it.SizeBytes)
	}
}

// byteRules returns a rule for each max_bytes that is exceeded, or is expected to be exceeded
// before the keeper's next look. The rules of single streams come first. t holds the bytes of
// footage, and next the bytes that recorders are expected to write before that look.
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

// diskRules returns a rule for each min_free_bytes and disk_max_percent that is exceeded, or is
// expected to be exceeded before the keeper's next look. ahead is the number of bytes that are
// expected to be written to the disk before that look.
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

// inodesCause is the cause of the rule for inodes. This rule has no setting of its own: it applies
// if a limit on the disk is configured for all streams.
const inodesCause = "inodes"

// inodeRules returns a rule that demands free inodes, if a limit on the disk is configured for all
// streams and the disk runs out of inodes. The rule's field over is false, so that it stops no
// recording: a stopped recording would free no inode.
func (p *Policy) inodeRules(s filesystem.Capacity) []rule {
	least := leastInodes(s)
	if p.DiskMaxPercent == 0 && p.MinFreeBytes == 0 || s.Inodes == 0 || s.FreeInodes >= least {
		return nil
	}
	return []rule{{cause: inodesCause, need: 2*least - s.FreeInodes, files: true}}
}

// eviction is an item to delete, with the reason.
type eviction struct {
	*Item
	class retained.Class
	cause string // name of the setting that demands the deletion, or inodesCause
}

// shortage is a rule for which the queue held too few items.
type shortage struct {
	rule
	missing int64 // bytes, or files, that remain to be deleted
}

// choose takes from the queue the items that the rules demand, and the expired ones if expired is
// set. It returns these items as out, the rest of the queue as left, and the rules for which the
// queue held too few items as short. A chosen item counts for every rule to which its stream
// belongs, not only for the rule that chose it.
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

// take calls the function take for items from the front of the queue until the rule is satisfied.
// It returns the other items in the same order as left, and the number of bytes or files that the
// rule still lacks as missing. A file with a second hard link gives no room back: unless the rule
// counts lengths, it stays in the queue.
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

// scanEvery returns the interval at which the keeper scans the whole directory: an hour, or a minute if
// a max_bytes is configured. The interval is a hundred times the duration of the last scan (took) if
// that is longer.
func (p *Policy) scanEvery(took time.Duration) time.Duration {
	if p.counted() {
		return max(time.Minute, 100*took)
	}
	return max(time.Hour, 100*took)
}
