package media

import (
	"bytes"
	"sync/atomic"
)

// Flags of an access unit.
const (
	FlagSync uint8 = 1 << iota // a decoder can start here
)

// Columns hold the access units of one track in one chunk, in decoding order. The four columns have
// the same length; access unit i is the bytes of Payload from sum(SizeBytes[:i]) on.
//
// EndTicks is the DTS of the next access unit if that had arrived when the chunk was closed: always
// for the lead track within a GOP and for sound ahead of it. Otherwise the last duration is the
// nominal one of a frame or repeats the previous delta, and the track may continue a little before
// or after EndTicks; after a stall of the source it continues much later.
type Columns struct {
	DTS         []int64  // strictly increasing
	OffsetTicks []int32  // PTS - DTS
	SizeBytes   []uint32 // in Payload
	Flags       []uint8
	EndTicks    int64 // end of the last access unit; see above
	Payload     Payload
}

// Len returns the number of access units.
func (c *Columns) Len() int { return len(c.DTS) }

// DurationTicks returns the duration of access unit i.
func (c *Columns) DurationTicks(i int) int64 {
	if i+1 < len(c.DTS) {
		return c.DTS[i+1] - c.DTS[i]
	}
	return c.EndTicks - c.DTS[i]
}

// Chunk holds the access units of all tracks of a stream of about one flush interval: the smallest
// unit of writing, and the most media that a crash can lose.
//
// A chunk is built once and sealed. From then on it is read-only and shared by reference count. The
// receiver of a chunk owns one reference and ends it exactly once: with Release, or by handing the
// chunk on.
type Chunk struct {
	Set       *TrackSet
	Seq       uint64    // place in the stream: the predecessor's plus one
	Tracks    []Columns // parallel to Set.Tracks; a track may be empty
	StartsGOP bool      // the lead track begins with a sync sample; more sync samples may follow
	More      bool      // cut for its size alone: the next chunk ends within one flush interval of the begin of this one
	UTC       int64     // wall clock of the lead track's first access unit; without one, of the first access unit
	SteppedNS int64     // by how much the clock of UTC had been set since the process began; changes only where a GOP begins
	Gap       Gap       // media missing before this chunk
	Gaps      []Gap     // media missing in it, or right before it without the end of a file; at most MaxChunkGaps
	Mark      *Mark     // not nil: the chunk holds no media but a message to the following stages

	holeNS int64 // the part of Gap right before the first access unit of the lead track, which the previous chunk may span

	byFlow bool // a go-streams flow left out the chunks right before it

	pool *Pool // nil: memory of the garbage collector, without reference count
	refs atomic.Int32
	of   *Chunk // not nil: the chunk whose columns and payloads this view shows; the view owns a reference on it
	// held is the pool's record of the taker; checked pools only.
	held *holder
}

// MarkKind is the kind of a mark.
type MarkKind uint8

// The marks.
const (
	MarkEnd    MarkKind = iota + 1 // the recording ends here: the segment is finished, and the next chunk begins another
	MarkGap                        // media was dropped here
	MarkEvent                      // an event covers the media around this place
	MarkRaised                     // a stage detected something: a gop_ring makes an event of it
)

// Mark is a message in the flow of chunks, from one stage to the following stages.
type Mark struct {
	Kind MarkKind
	End  Cause // MarkEnd: the reason
	Gap  Gap   // MarkGap: the missing media
	// MarkEvent: the event, which is immutable.
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

// Release ends one reference. The last Release returns the memory to the pool, and the chunk must
// not be used after it.
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

// Bytes returns the size of all payloads, which is the size of the mdat.
func (c *Chunk) Bytes() int {
	n := 0
	for i := range c.Tracks {
		n += c.Tracks[i].Payload.Len()
	}
	return n
}

// MemoryBytes returns the memory that the chunk holds, with unused capacity. A view holds all
// memory of the chunk that it shows.
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

// AccessUnits returns the number of access units of all tracks.
func (c *Chunk) AccessUnits() int {
	n := 0
	for i := range c.Tracks {
		n += c.Tracks[i].Len()
	}
	return n
}

// Lead returns the columns of the lead track.
func (c *Chunk) Lead() *Columns { return &c.Tracks[c.Set.Lead()] }

// SpanNS returns the media time from the first access unit to the end of the last one, on the lead
// track, or on the first track that has access units.
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

// Dropped returns the gap that results when a full queue drops the chunk: its media, and the gap
// before it. For until see LeftOut.
func (c *Chunk) Dropped(until int64) Gap { return c.GapFrom(until).Plus(c.LeftOut(GapOverload, until)) }

// GapFrom returns Chunk.Gap less the part that is reported already because the previous chunk was
// left out: a chunk lasts up to the next chunk and includes the hole between them. until is UntilNS
// of the previous chunk, or 0 if that was kept.
func (c *Chunk) GapFrom(until int64) Gap {
	g := c.Gap
	if until != 0 {
		g.DurationNS -= min(max(until-(c.UTC-c.SteppedNS-c.holeNS), 0), c.holeNS)
	}
	return g
}

// LeftOut returns the gap of the lead track that results when the chunk is left out for a cause:
// its media with the holes in it, and the hole right before it. It includes neither Chunk.Gap nor
// the gaps that the gap before the next file will report. until is as for GapFrom; time that the
// previous chunk reported beyond the begin of this one is subtracted, so DurationNS may be
// negative.
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

// holeBefore returns the hole right before the first access unit of the lead track, which the
// previous chunk spans: its begin, ns of UTC less SteppedNS, and its duration.
func (c *Chunk) holeBefore() (from, ns int64) {
	ns = c.holeNS
	for i := range c.Gaps {
		if g := &c.Gaps[i]; g.Track == c.Set.lead+1 {
			ns = max(ns, c.UTC-g.StartUTC)
		}
	}
	return c.UTC - c.SteppedNS - ns, ns
}

// UntilNS returns the end of the chunk, ns of UTC less SteppedNS.
func (c *Chunk) UntilNS() int64 { return c.UTC - c.SteppedNS + c.LastedNS() }

// LastedNS returns SpanNS on the wall clock: it is longer for a time-lapse.
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
