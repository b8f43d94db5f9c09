package media

import "slices"

// lossBy is what media was lost to.
type lossBy uint8

const (
	lostToBound lossBy = iota + 1
	lostToBudget
)

// Shed drops one GOP because the process has too much in memory. See Queue. With
// DropOldest it leaves a chunk at least, with DropNewest it may leave none.
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

// shedOldest drops the oldest whole GOP of which nothing was taken. Where there is none,
// the tail of the GOP that is being taken goes. Two chunks of media are queued.
func (q *GOPQueue) shedOldest(by lossBy) {
	first := q.media(0)
	from := q.NextGOP(0)
	if from < 0 { // all of it is one GOP, begun by a chunk that was taken
		from = q.media(first + 1)
	}
	to := q.NextGOP(from + 1)
	if to < 0 {
		to = len(q.entries)
		if from == first { // one GOP and all of it here: keep what can be decoded of it
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

// shedNewest drops the newest GOP, or the rest of one that is being taken; and what
// arrives of it is refused, so that what is queued can be decoded.
func (q *GOPQueue) shedNewest(by lossBy) {
	from := len(q.entries) - 1
	for from > 0 && !q.entries[from].chunk.StartsGOP {
		from--
	}
	gap, _ := q.cut(from, len(q.entries), by)
	q.pending, q.refusing = gap.then(q.pending), by
}

// lostGap is what is missing in one place of the queue, and the time that it tells of, ns
// of UTC less Stepped.
type lostGap struct {
	Gap
	from   int64 // where the hole right before it begins
	holeNS int64 // of that hole; it tells of it, or the gap before the next file does
	until  int64 // Chunk.UntilNS of the last chunk that it tells of
}

// then is what is missing in one place and in the next one, where there is one. Where
// chunks were lost right before others the hole between counts once: the former last over
// it.
func (g lostGap) then(o *lostGap) *lostGap {
	if o != nil {
		g.DurationNS -= min(max(g.until-o.from, 0), o.holeNS)
		g.Gap, g.until = g.Plus(o.Gap), o.until
	}
	return &g
}

// drop adds a chunk that is lost right behind; until is as for Chunk.Dropped.
func (g *lostGap) drop(c *Chunk, until int64) {
	if g.until == 0 { // the first one
		g.from, g.holeNS = c.holeBefore()
	}
	g.Gap, g.until = g.Plus(c.Dropped(until)), c.UntilNS()
}

// cut takes entries out of the queue, but for marks that say more than a gap. It returns
// what is missing by it, and where, which is the place behind the marks that stay.
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
				until = e.chunk.UTC - e.chunk.SteppedNS - e.chunk.holeNS // it tells up to there
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

// refuse drops a chunk that comes.
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

// media is the place of the first chunk from one on that is no mark. There is one.
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

// NextGOP is the place of the first queued chunk from one on that begins a GOP, -1 where
// none does.
func (q *GOPQueue) NextGOP(from int) int {
	for i := from; i < len(q.entries); i++ {
		if q.entries[i].chunk.StartsGOP {
			return i
		}
	}
	return -1
}
