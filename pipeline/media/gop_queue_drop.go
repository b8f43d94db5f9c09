package media

import "slices"

// lossBy is the reason for which the queue drops media.
type lossBy uint8

const (
	lostToBound lossBy = iota + 1
	lostToBudget
)

// Shed drops one GOP, or the rest of one, because the process uses too much memory. It returns false if the queue
// has nothing to drop: with DropOldest it keeps at least one chunk, with DropNewest it may drop all.
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

// shedOldest drops the oldest whole GOP that is still complete in the queue. If the queue holds none, it drops
// the end of the GOP whose beginning was taken. The caller has checked that at least two chunks of media are
// queued.
func (q *GOPQueue) shedOldest(by lossBy) {
	first := q.media(0)
	from := q.NextGOP(0)
	if from < 0 { // the queue holds the rest of one GOP only
		from = q.media(first + 1)
	}
	to := q.NextGOP(from + 1)
	if to < 0 {
		to = len(q.entries)
		if from == first { // the queue holds one whole GOP: keep its decodable beginning
			from = q.lastMedia()
		}
		q.refusing = by
	}
	gap, at := q.cut(from, to, by)
	if at < len(q.entries) {
		e := &q.entries[at]
		gap.DurationNS -= e.chunk.Gap.DurationNS - e.chunk.GapFrom(gap.untilSteadyUTC).DurationNS
		e.gap = gap.then(e.gap)
	} else {
		q.pending = gap.then(q.pending)
	}
}

// shedNewest drops the newest GOP as far as it is queued, and makes the queue refuse the rest of that GOP when
// it arrives. So the queued media can be decoded.
func (q *GOPQueue) shedNewest(by lossBy) {
	from := len(q.entries) - 1
	for from > 0 && !q.entries[from].chunk.StartsGOP {
		from--
	}
	gap, _ := q.cut(from, len(q.entries), by)
	q.pending, q.refusing = gap.then(q.pending), by
}

// lostGap is the loss at one place of the queue.
type lostGap struct {
	Gap
	fromSteadyUTC  int64 // begin of the hole right before the lost media
	holeNS         int64 // duration of that hole; this loss, or the gap before the next file, reports it
	untilSteadyUTC int64 // Chunk.EndSteadyUTC of the last lost chunk
}

// then returns the sum of the loss g and the loss o that follows g in the queue; o may be nil. Both losses may
// include a part of the hole before o: then counts that part once.
func (g lostGap) then(o *lostGap) *lostGap {
	if o != nil {
		g.DurationNS -= min(max(g.untilSteadyUTC-o.fromSteadyUTC, 0), o.holeNS)
		g.Gap, g.untilSteadyUTC = g.Plus(o.Gap), o.untilSteadyUTC
	}
	return &g
}

// drop adds the lost chunk c to the loss g. c follows the lost media of g directly, or is the first lost chunk.
// untilSteadyUTC is the argument of Chunk.Dropped: the time up to which another gap reports the hole before c,
// or 0.
func (g *lostGap) drop(c *Chunk, untilSteadyUTC int64) {
	if g.untilSteadyUTC == 0 { // the first lost chunk
		g.fromSteadyUTC, g.holeNS = c.holeBefore()
	}
	g.Gap, g.untilSteadyUTC = g.Plus(c.Dropped(untilSteadyUTC)), c.EndSteadyUTC()
}

// cut removes the entries from index from up to, but without, index to, except marks other than gap marks. It
// returns the loss, and the index of the entry that follows the remaining marks.
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
			case e.gap != nil && gap.untilSteadyUTC == 0:
				gap.fromSteadyUTC, gap.holeNS, gap.untilSteadyUTC = e.gap.fromSteadyUTC, e.gap.holeNS, e.gap.untilSteadyUTC
				gap.Gap = gap.Plus(e.gap.Gap)
			case e.gap != nil:
				gap = *gap.then(e.gap)
			}
			untilSteadyUTC := gap.untilSteadyUTC
			if e.gap != nil || e.marked {
				// The loss before this chunk includes the time up to the hole right before the chunk.
				untilSteadyUTC = e.chunk.UTC - e.chunk.SteppedNS - e.chunk.holeNS
			}
			gap.drop(e.chunk, untilSteadyUTC)
			q.count(e.chunk, by)
			q.account(e.chunk, -1)
		}
		e.chunk.Release()
	}
	q.entries = slices.Delete(q.entries, at, to)
	return gap, at
}

// refuse drops an arriving chunk and makes the queue refuse the rest of its GOP.
func (q *GOPQueue) refuse(c *Chunk, by lossBy) {
	if q.pending == nil {
		q.pending = &lostGap{}
	}
	q.pending.drop(c, q.pending.untilSteadyUTC)
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

// media returns the index of the first chunk with media at or after an index. The caller has checked that one
// exists.
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

// NextGOP returns the index of the first queued chunk at or after from that begins a GOP, or -1.
func (q *GOPQueue) NextGOP(from int) int {
	for i := from; i < len(q.entries); i++ {
		if q.entries[i].chunk.StartsGOP {
			return i
		}
	}
	return -1
}
