package media

import (
	"bytes"
	"sync/atomic"
)

// Flags of an access unit.
const (
	FlagSync uint8 = 1 << iota // a decoder can start here
)

// Columns are the access units of one track in one chunk, in decoding order.
// The four columns have the same length; access unit i is the bytes of Payload
// from sum(Size[:i]) on.
//
// End is the DTS of the access unit that follows where it was there when the
// chunk was closed: always for the lead track within a GOP and for sound that
// is ahead of it. Else the last duration is that of the frame or of the delta
// before, and the track may go on a little before or after End; behind a stall
// of the source it goes on much later.
type Columns struct {
	DTS         []int64  // ticks, strictly increasing
	OffsetTicks []int32  // PTS - DTS, ticks
	SizeBytes   []uint32 // bytes in Payload
	Flags       []uint8
	EndTicks    int64 // where the last access unit ends; see below
	Payload     Payload
}

// Len is the number of access units.
func (c *Columns) Len() int { return len(c.DTS) }

// DurationTicks is that of access unit i in ticks.
func (c *Columns) DurationTicks(i int) int64 {
	if i+1 < len(c.DTS) {
		return c.DTS[i+1] - c.DTS[i]
	}
	return c.EndTicks - c.DTS[i]
}

// Chunk is up to a flush interval of the access units of every track of a
// stream: the smallest thing written, and the most that a crash may lose.
//
// A chunk is built once, sealed, and from then on read-only and shared by
// reference count. Whoever receives one owns one reference and ends it exactly
// once, with Release or by handing the chunk on.
type Chunk struct {
	Set       *TrackSet
	Seq       uint64    // place in the stream: each chunk is its predecessor's plus one
	Tracks    []Columns // parallel to Set.Tracks; a track may have no access unit here
	StartsGOP bool      // the lead track begins here with a sync sample; others may follow
	More      bool      // it was cut for its size alone: the next one ends within a flush interval of where this began
	UTC       int64     // ns: wall clock of the lead track's first access unit; where it has none, of the one that began the chunk
	SteppedNS int64     // ns by which the clock of UTC had been set since the process began; it only changes where a GOP begins
	Gap       Gap       // what is missing before this chunk
	Gaps      []Gap     // what is missing in it, or right before it without a file ending there; at most MaxChunkGaps
	Mark      *Mark     // not nil: the chunk holds no media, it is a word to the stages behind

	holeNS int64 // of Gap, what is missing right before the first access unit of the lead track: the chunk before may span it

	byFlow bool // a foreign flow has left out what comes right before it

	pool *Pool // nil: the collector has it, and no reference counts
	refs atomic.Int32
	of   *Chunk // not nil: columns and payloads are this one's, of which the chunk owns a reference
	// held is the pool's record of who took the chunk; checked pools only.
	held *holder
}

// MarkKind tells what a mark says.
type MarkKind uint8

// The marks.
const (
	MarkEnd    MarkKind = iota + 1 // the recording ends here: finish the segment and wait for the next chunk
	MarkGap                        // media was dropped here
	MarkEvent                      // an event covers what comes, and what came before
	MarkRaised                     // something was seen: a gop_ring makes an event of it
)

// Mark is a word in the flow of chunks, from one stage to those behind it.
type Mark struct {
	Kind MarkKind
	End  Cause // MarkEnd: why
	Gap  Gap   // MarkGap: what is missing
	// MarkEvent: the event, which is not changed any more.
	Event  *Event
	Raised *Raised // MarkRaised
}

func (m Mark) copy() *Mark {
	if m.Event != nil {
		m.Event = &copyEvents([]Event{*m.Event})[0]
	}
	if m.Raised != nil {
		raised := *m.Raised
		raised.Data = bytes.Clone(raised.Data)
		m.Raised = &raised
	}
	return &m
}

// Retain adds a reference and returns the chunk.
func (c *Chunk) Retain() *Chunk {
	if c.pool == nil {
		return c
	}
	if c.refs.Add(1) <= 1 {
		panic("media: Retain of a released chunk")
	}
	return c
}

// Release ends one reference. With the last one the memory goes back to the
// pool and the chunk must not be touched again.
func (c *Chunk) Release() {
	if c.pool == nil {
		return
	}
	switch n := c.refs.Add(-1); {
	case n == 0:
		c.pool.put(c)
	case n < 0:
		panic("media: chunk released twice")
	}
}

// Bytes is the size of the payloads, which is the size of the mdat.
func (c *Chunk) Bytes() int {
	n := 0
	for i := range c.Tracks {
		n += c.Tracks[i].Payload.Len()
	}
	return n
}

// MemoryBytes is what the chunk holds on to, with its unused capacity. A view holds
// on to all of the chunk that it shows.
func (c *Chunk) MemoryBytes() int {
	if c.of != nil {
		return c.of.MemoryBytes()
	}
	n := 0
	for i := range c.Tracks {
		t := &c.Tracks[i]
		n += t.Payload.memory() + 8*cap(t.DTS) + 4*cap(t.OffsetTicks) + 4*cap(t.SizeBytes) + cap(t.Flags)
	}
	return n
}

// AccessUnits is the number of access units of all tracks.
func (c *Chunk) AccessUnits() int {
	n := 0
	for i := range c.Tracks {
		n += c.Tracks[i].Len()
	}
	return n
}

// Lead is the columns of the set's lead track.
func (c *Chunk) Lead() *Columns { return &c.Tracks[c.Set.Lead()] }

// SpanNS is the time from the first access unit to the end of the last one in
// nanoseconds, on the lead track, or on the first track with anything in it.
func (c *Chunk) SpanNS() int64 {
	if c.Set == nil {
		return 0
	}
	if n := span(c.Lead(), c.Set.Tracks[c.Set.Lead()].Timescale); n > 0 {
		return n
	}
	for i := range c.Tracks {
		if n := span(&c.Tracks[i], c.Set.Tracks[i].Timescale); n > 0 {
			return n
		}
	}
	return 0
}

// Dropped is what is missing once a full queue has dropped the chunk: its media, and
// what was missing before it. See LeftOut for until.
func (c *Chunk) Dropped(until int64) Gap { return c.GapFrom(until).Plus(c.LeftOut(GapOverload, until)) }

// GapFrom is Chunk.Gap without what is told already, where the chunk before was left out:
// a chunk lasts up to the next one, over what is missing in between. until is UntilNS of that
// chunk, and 0 where it was kept.
func (c *Chunk) GapFrom(until int64) Gap {
	g := c.Gap
	if until != 0 {
		g.DurationNS -= min(max(until-(c.UTC-c.SteppedNS-c.holeNS), 0), c.holeNS)
	}
	return g
}

// LeftOut is what is missing of the lead track once the chunk is left out for a cause:
// its media with the holes in it, and the hole right before it. Chunk.Gap is not part of
// it, nor is what the gap before the next file will tell. until is as for GapFrom; what
// that chunk told beyond this one's begin is taken back, and Duration may be negative.
func (c *Chunk) LeftOut(why Cause, until int64) Gap {
	out := Gap{Cause: why, DurationNS: c.SpanNS(), Chunks: 1}
	for i := range c.Gaps {
		g := &c.Gaps[i]
		if g.Track != c.Set.lead+1 || g.StartUTC >= c.UTC {
			continue
		}
		start, end := g.StartUTC-c.SteppedNS, min(g.EndUTC(), c.UTC)-c.SteppedNS
		told := min(max(until-start, 0), end-start)
		if g.Next {
			out.DurationNS -= told
		} else {
			out.DurationNS += end - start - told
		}
	}
	return out
}

// holeBefore is the hole right before the first access unit of the lead track, which the
// chunk before lasts over: where it begins, ns of UTC less Stepped, and how long it is.
func (c *Chunk) holeBefore() (from, ns int64) {
	ns = c.holeNS
	for i := range c.Gaps {
		if g := &c.Gaps[i]; g.Track == c.Set.lead+1 {
			ns = max(ns, c.UTC-g.StartUTC)
		}
	}
	return c.UTC - c.SteppedNS - ns, ns
}

// UntilNS is where the chunk ends, ns of UTC less Stepped.
func (c *Chunk) UntilNS() int64 { return c.UTC - c.SteppedNS + c.LastedNS() }

// LastedNS is SpanNS on the wall clock: longer for a time-lapse.
func (c *Chunk) LastedNS() int64 {
	if c.Set == nil {
		return 0
	}
	return c.Set.LifeNS(c.SpanNS())
}

func span(c *Columns, timescale uint32) int64 {
	if c.Len() == 0 {
		return 0
	}
	return ToNanos(c.EndTicks-c.DTS[0], timescale)
}
