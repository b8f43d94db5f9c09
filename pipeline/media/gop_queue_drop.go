package media

import "slices"

// lossBy is the reason of a loss.
type lossBy uint8

const (
	lostToBound lossBy = iota + 1
	lostToBudget
)

// Shed drops one GOP because the process uses too much memory. See Queue. With DropOldest it leaves
// at least one chunk, with DropNewest it may leave none.
func (q *GOPQueue) Shed() bool {
	switch {
	case q.limits.Policy == DropNewest && q.chunks > 0:
		q.shedNewest(lostToBudget)
	case q.limits.Policy == DropOldest && q.chunks > 1:
		q.shedOldest(lostToBudget)
	default:
		return false
	}
	return true
}

// shedOldest drops the oldest whole GOP of which no chunk was taken. Without one, it drops the tail
// of the GOP that is being taken. The caller has checked that at least two chunks of media are
// queued.
func (q *GOPQueue) shedOldest(by lossBy) {
	first := q.media(0)
	from := q.NextGOP(0)
	if from < 0 { // one GOP, whose first chunk was taken
		from = q.media(first + 1)
	}
	to := q.NextGOP(from + 1)
	if to < 0 {
		to = len(q.entries)
		if from == first { // one whole GOP: keep the part that can be decoded
			from = q.lastMedia()
		}
		q.refusing = by
	}
	gap, at := q.cut(from, to, by)
	if at < len(q.entries) {
		e := &q.entries[at]
		gap.DurationNS -= e.chunk.Gap.DurationNS - e.chunk.GapFrom(gap.until).DurationNS
		e.gap = gap.then(e.gap)
	} else {
		q.pending = gap.then(q.pending)
	}
}

// shedNewest drops the newest GOP, or the rest of the GOP that is being taken, and refuses the
// chunks of it that arrive later, so that the queued media can be decoded.
func (q *GOPQueue) shedNewest(by lossBy) {
	from := len(q.entries) - 1
	for from > 0 && !q.entries[from].chunk.StartsGOP {
		from--
	}
	gap, _ := q.cut(from, len(q.entries), by)
	q.pending, q.refusing = gap.then(q.pending), by
}

// lostGap is the loss in one place of the queue. Its times are ns of UTC less SteppedNS.
type lostGap struct {
	Gap
	from   int64 // begin of the hole right before it
	holeNS int64 // duration of that hole, which it reports, or which the gap before the next file reports
	until  int64 // Chunk.UntilNS of the last chunk that it includes
}

// then returns the loss of this place joined with the loss o of the next place, if any. A hole
// between lost chunks counts once: the earlier chunk spans it.
func (g lostGap) then(o *lostGap) *lostGap {
	if o != nil {
		g.DurationNS -= min(max(g.until-o.from, 0), o.holeNS)
		g.Gap, g.until = g.Plus(o.Gap), o.until
	}
	return &g
}

// drop adds a chunk that is lost right after; until is as for Chunk.Dropped.
func (g *lostGap) drop(c *Chunk, until int64) {
	if g.until == 0 { // the first one
		g.from, g.holeNS = c.holeBefore()
	}
	g.Gap, g.until = g.Plus(c.Dropped(until)), c.UntilNS()
}

// cut removes entries from the queue, except marks other than gap marks. It returns the loss and
// its place, which is after the remaining marks.
func (q *GOPQueue) cut(from, to int, by lossBy) (gap lostGap, at int) {
	at = from
	for _, e := range q.entries[from:to] {
		switch m := e.chunk.Mark; {
		case m != nil && m.Kind != MarkGap:
			q.entries[at] = e
			at++
			continue
		case m != nil:
			gap.Gap = gap.Plus(m.Gap)
		default:
			switch {
			case e.gap != nil && gap.until == 0:
				gap.from, gap.holeNS, gap.until = e.gap.from, e.gap.holeNS, e.gap.until
				gap.Gap = gap.Plus(e.gap.Gap)
			case e.gap != nil:
				gap = *gap.then(e.gap)
			}
			until := gap.until
			if e.gap != nil || e.marked {
				until = e.chunk.UTC - e.chunk.SteppedNS - e.chunk.holeNS // that gap reports up to there
			}
			gap.drop(e.chunk, until)
			q.count(e.chunk, by)
			q.account(e.chunk, -1)
		}
		e.chunk.Release()
	}
	q.entries = slices.Delete(q.entries, at, to)
	return gap, at
}

// refuse drops an arriving chunk.
func (q *GOPQueue) refuse(c *Chunk, by lossBy) {
	if q.pending == nil {
		q.pending = &lostGap{}
	}
	q.pending.drop(c, q.pending.until)
	q.refusing = by
	q.count(c, by)
	c.Release()
}

func (q *GOPQueue) count(c *Chunk, by lossBy) {
	l := &q.lost.Bound
	if by == lostToBudget {
		l = &q.lost.Budget
	}
	l.Chunks++
	l.AccessUnits += uint64(c.AccessUnits())
	l.Bytes += uint64(c.Bytes())
}

// media returns the place of the first chunk with media at or after a place. The caller has checked
// that one exists.
func (q *GOPQueue) media(from int) int {
	for q.entries[from].chunk.Mark != nil {
		from++
	}
	return from
}

func (q *GOPQueue) lastMedia() int {
	i := len(q.entries) - 1
	for q.entries[i].chunk.Mark != nil {
		i--
	}
	return i
}

// NextGOP returns the place of the first queued chunk at or after a place that begins a GOP, or -1.
func (q *GOPQueue) NextGOP(from int) int {
	for i := from; i < len(q.entries); i++ {
		if q.entries[i].chunk.StartsGOP {
			return i
		}
	}
	return -1
}
