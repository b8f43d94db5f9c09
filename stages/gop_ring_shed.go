package stages

import "github.com/gospool/spool/pipeline/media"

// Shed drops a whole GOP because the process has too much in memory.
func (r *gopRing) Shed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.chunks < 2 {
		return false
	}
	r.shed()
	return true
}

// full tells whether a bound is passed. One chunk is always kept: a single one
// larger than the ring is written, not lost.
func (r *gopRing) full() bool {
	return r.chunks > 1 && (r.bytes > int(r.cfg.MaxSize) || r.span > int64(r.cfg.MaxTime)+r.extra)
}

// shed drops the oldest whole GOP of which nothing was taken. Where there is
// none, the tail of the GOP that is being taken goes.
func (r *gopRing) shed() {
	first := r.nextMedia(0)
	from := r.gopStart(0)
	if from < 0 { // all of it is one GOP, begun by a chunk that was taken
		from = r.nextMedia(first + 1)
	}
	to := r.gopStart(from + 1)
	if to < 0 {
		to = len(r.queue)
		r.tail = true
		if from == first { // one GOP and all of it here: keep what can be decoded of it
			from = r.lastMedia()
		}
	}
	var gap media.Gap
	cut, kept := r.cut(from, to)
	from += kept
	for _, e := range cut {
		if e.gap != nil {
			gap = gap.Plus(*e.gap)
		}
		if m := e.chunk.Mark; m != nil {
			gap = gap.Plus(m.Gap)
		} else {
			gap = gap.Plus(e.chunk.Dropped())
		}
		r.count(e.chunk)
		e.chunk.Release()
	}
	r.note(from, gap)
}

// note puts a gap before the entry at i, or before the one that comes next.
func (r *gopRing) note(i int, gap media.Gap) {
	at := &r.pending
	if i < len(r.queue) {
		at = &r.queue[i].gap
	}
	if *at != nil {
		gap = gap.Plus(**at)
	}
	*at = &gap
}

// nextMedia is the first chunk from an index on that is no mark; full has seen
// that there are two.
func (r *gopRing) nextMedia(from int) int {
	for r.queue[from].chunk.Mark != nil {
		from++
	}
	return from
}

func (r *gopRing) lastMedia() int {
	i := len(r.queue) - 1
	for r.queue[i].chunk.Mark != nil {
		i--
	}
	return i
}

func (r *gopRing) gopStart(from int) int {
	for i := from; i < len(r.queue); i++ {
		if r.queue[i].chunk.StartsGOP {
			return i
		}
	}
	return -1
}

// cut takes entries out of the queue, but for marks that say more than a gap: so
// many stay in their place.
func (r *gopRing) cut(from, to int) (out []ringEntry, kept int) {
	for _, e := range r.queue[from:to] {
		if m := e.chunk.Mark; m != nil && m.Kind != media.MarkGap {
			r.queue[from+kept] = e
			kept++
			continue
		}
		out = append(out, e)
		r.account(e.chunk, -1)
	}
	r.queue = append(r.queue[:from+kept], r.queue[to:]...)
	return out, kept
}

// drop counts and releases a chunk that is not queued.
func (r *gopRing) drop(c *media.Chunk) {
	gap := c.Dropped()
	if r.pending != nil {
		gap = r.pending.Plus(gap)
	}
	r.pending = &gap
	r.count(c)
	c.Release()
}

func (r *gopRing) count(c *media.Chunk) {
	r.dropped.AccessUnits += uint64(c.AccessUnits())
	r.dropped.Bytes += uint64(c.Bytes())
}
