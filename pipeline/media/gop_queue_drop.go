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
	gap, at, until := q.cut(from, to, by)
	if at < len(q.entries) {
		e := &q.entries[at]
		gap.Duration -= e.chunk.Gap.Duration - e.chunk.GapFrom(until).Duration
		e.gap = before(gap, e.gap)
	} else {
		q.pending, q.until = before(gap, q.pending), until
	}
}

// shedNewest drops the newest GOP, or the rest of one that is being taken; and what
// arrives of it is refused, so that what is queued can be decoded.
func (q *GOPQueue) shedNewest(by lossBy) {
	from := len(q.entries) - 1
	for from > 0 && !q.entries[from].chunk.StartsGOP {
		from--
	}
	gap, _, until := q.cut(from, len(q.entries), by)
	q.pending, q.refusing, q.until = before(gap, q.pending), by, until
}

// cut takes entries out of the queue, but for marks that say more than a gap. It returns
// what is missing by it, where, which is the place behind the marks that stay, and the
// up to when it tells: see Chunk.Until.
func (q *GOPQueue) cut(from, to int, by lossBy) (gap Gap, at int, until int64) {
	at = from
	for _, e := range q.entries[from:to] {
		switch m := e.chunk.Mark; {
		case m != nil && m.Kind != MarkGap:
			q.entries[at] = e
			at++
			continue
		case m != nil:
			gap = gap.Plus(m.Gap)
		default:
			if e.gap != nil {
				gap = gap.Plus(*e.gap)
			}
			if e.gap != nil || e.marked {
				until = e.chunk.UTC - e.chunk.Stepped - e.chunk.holeNS // it tells up to there
			}
			gap = gap.Plus(e.chunk.Dropped(until))
			until = e.chunk.Until()
			q.count(e.chunk, by)
			q.account(e.chunk, -1)
		}
		e.chunk.Release()
	}
	q.entries = slices.Delete(q.entries, at, to)
	return gap, at, until
}

// refuse drops a chunk that comes.
func (q *GOPQueue) refuse(c *Chunk, by lossBy) {
	if q.pending == nil {
		q.until = 0
	}
	gap := c.Dropped(q.until)
	if q.pending != nil {
		gap = q.pending.Plus(gap)
	}
	q.pending, q.refusing, q.until = &gap, by, c.Until()
	q.count(c, by)
	c.Release()
}

// before is a gap with one right behind it, where there is one.
func before(gap Gap, behind *Gap) *Gap {
	if behind != nil {
		gap = gap.Plus(*behind)
	}
	return &gap
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
