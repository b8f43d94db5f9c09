package media

import (
	"bytes"
	"sync/atomic"
)

// Flags of an access unit.
const (
	FlagSync uint8 = 1 << iota // a decoder can start here
)

// Columns hold the access units of one track in one chunk, in decoding order. DTS, OffsetTicks, SizeBytes and
// Flags have one entry for each access unit. The bytes of access unit i begin in Payload at the sum of
// SizeBytes[:i].
//
// EndTicks is the DTS of the next access unit if that unit had arrived when the chunk ended. This is always so
// for the lead track within a GOP. Otherwise EndTicks is an estimate: the last access unit gets the nominal
// duration of a frame, or the duration of the previous unit. The track may then continue a little before or
// after EndTicks, and much later after the sender was silent.
type Columns struct {
	DTS         []int64  // strictly increasing
	OffsetTicks []int32  // PTS - DTS
	SizeBytes   []uint32 // bytes of each access unit in Payload
	Flags       []uint8
	EndTicks    int64 // end of the last access unit, which may be an estimate: see the comment of Columns
	Payload     Payload
}

// Len returns the number of access units.
func (c *Columns) Len() int { return len(c.DTS) }

// DurationTicks returns the duration of access unit i, in ticks of the track.
func (c *Columns) DurationTicks(i int) int64 {
	if i+1 < len(c.DTS) {
		return c.DTS[i+1] - c.DTS[i]
	}
	return c.EndTicks - c.DTS[i]
}

// Chunk holds the access units of about one flush interval, of all tracks of a stream. It is the smallest unit
// of writing, and the most media that a crash can lose.
//
// A chunk is built once and then sealed. A sealed chunk is read-only, and its users share it by reference
// count. The receiver of a chunk owns one reference and ends it exactly once: with Release, or by handing the
// chunk on.
type Chunk struct {
	Set       *TrackSet
	Seq       uint64    // number in the stream, one more than that of the previous chunk
	Tracks    []Columns // parallel to Set.Tracks; a track may be empty
	StartsGOP bool      // the lead track's first access unit is a sync sample; further sync samples may follow
	// More reports that the chunk ended only because of its size, or because of the memory of all open chunks. The
	// next chunk then continues the same flush interval.
	More bool
	// Wall clock of the lead track's first access unit, or of the chunk's first access unit if the lead track
	// has none.
	UTC int64
	// SteppedNS is the sum of the steps of the wall clock that UTC contains: UTC less SteppedNS never steps. It
	// changes only at a chunk that begins a GOP.
	SteppedNS int64
	Gap       Gap // media missing before this chunk
	// Gaps lists the media missing inside the chunk, or right before it where no new file begins; at most
	// maxChunkGaps.
	Gaps []Gap
	Mark *Mark // message to the following stages; a chunk with a Mark has no media. Nil for a chunk of media

	// holeNS is the duration of the hole right before the lead track's first access unit. Gap includes it, and
	// the previous chunk may last until its end.
	holeNS int64

	byFlow bool // a go-streams flow left out the chunks right before this chunk

	// observed is set if an Observer knows the chunk: the bytes of its units stay where they are until the chunk is
	// released. aside holds blocks of units that moved to the next chunk.
	observed bool
	aside    [][]byte

	pool *Pool // nil if the memory belongs to the garbage collector; references are not counted then
	refs atomic.Int32
	// of is not nil in a view: the chunk whose columns and payloads the view shows. The view owns a reference to
	// it.
	of *Chunk
	// held records the code that took the chunk; set by checked pools only.
	held *holder
}

// MarkKind is the kind of a mark.
type MarkKind uint8

// The kinds of marks.
const (
	MarkEnd    MarkKind = iota + 1 // ends the segment here; the next chunk begins another segment
	MarkGap                        // reports that media was dropped here
	MarkEvent                      // names an event that covers the media around this place
	MarkRaised                     // reports that a stage detected something; a gop_ring makes an event of it
)

// Mark is a message that one stage sends to the following stages in the flow of chunks.
type Mark struct {
	Kind MarkKind
	End  Cause // MarkEnd: the reason for which the segment ends
	Gap  Gap   // MarkGap: the missing media
	// Event is set with MarkEvent. It is immutable.
	Event  *Event
	Raised *Raised // MarkRaised: the detection
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

// Retain adds a reference and returns the chunk. It panics if the chunk was released already.
func (c *Chunk) Retain() *Chunk {
	if c.pool == nil {
		return c
	}
	if c.refs.Add(1) <= 1 {
		panic("media: Retain of a released chunk")
	}
	return c
}

// Release ends one reference. The last Release returns the memory to the pool; the caller must not use the
// chunk after its own Release. It panics if the chunk was released already.
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

// Bytes returns the size of the payloads of all tracks, which is the size of their mdat.
func (c *Chunk) Bytes() int {
	n := 0
	for i := range c.Tracks {
		n += c.Tracks[i].Payload.Len()
	}
	return n
}

// MemoryBytes returns the memory of the chunk, unused capacity included. For a view it returns the memory of
// the shown chunk, because the view keeps all of that in use.
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

// SpanNS returns the chunk's duration in media time: from the first access unit to the end of the last access
// unit of the lead track. If the lead track has none, the first track with access units counts.
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

// Dropped returns the gap that results when a full queue drops the chunk: the chunk's own media and Chunk.Gap. If
// the previous chunk was dropped, too, untilSteadyUTC is its EndSteadyUTC, else 0: see GapFrom.
func (c *Chunk) Dropped(untilSteadyUTC int64) Gap {
	return c.GapFrom(untilSteadyUTC).Plus(c.LeftOut(GapOverload, untilSteadyUTC))
}

// GapFrom returns Chunk.Gap without the part of the hole before this chunk that another gap reports already. If
// the previous chunk was dropped, the gap for that chunk reports the time up to its EndSteadyUTC, which the
// caller passes as untilSteadyUTC. If it was not dropped, untilSteadyUTC is 0 and the result is Chunk.Gap.
func (c *Chunk) GapFrom(untilSteadyUTC int64) Gap {
	g := c.Gap
	if untilSteadyUTC != 0 {
		g.DurationNS -= min(max(untilSteadyUTC-(c.UTC-c.SteppedNS-c.holeNS), 0), c.holeNS)
	}
	return g
}

// LeftOut returns the gap of the lead track that results when the chunk is dropped for the cause why. The gap
// includes the chunk's media, the holes in it, and the hole right before it. It does not include Chunk.Gap. It
// does not include entries of Chunk.Gaps with Next set either, because the gap before the next file reports
// those. If another gap reports the time up to untilSteadyUTC, LeftOut subtracts the part of the holes before
// that time, so DurationNS may be negative. untilSteadyUTC is 0 if no other gap does.
func (c *Chunk) LeftOut(why Cause, untilSteadyUTC int64) Gap {
	out := Gap{Cause: why, DurationNS: c.SpanNS(), Chunks: 1}
	for i := range c.Gaps {
		g := &c.Gaps[i]
		if g.Track != c.Set.lead+1 || g.StartUTC >= c.UTC {
			continue
		}
		start, end := g.StartUTC-c.SteppedNS, min(g.EndUTC(), c.UTC)-c.SteppedNS
		told := min(max(untilSteadyUTC-start, 0), end-start)
		if g.Next {
			out.DurationNS -= told
		} else {
			out.DurationNS += end - start - told
		}
	}
	return out
}

// holeBefore returns the hole right before the lead track's first access unit: its begin, ns of UTC less
// SteppedNS, and its duration in ns. The duration of the previous chunk may include a part of this hole, or all
// of it: see Columns.EndTicks.
func (c *Chunk) holeBefore() (fromSteadyUTC, ns int64) {
	ns = c.holeNS
	for i := range c.Gaps {
		if g := &c.Gaps[i]; g.Track == c.Set.lead+1 {
			ns = max(ns, c.UTC-g.StartUTC)
		}
	}
	return c.UTC - c.SteppedNS - ns, ns
}

// EndSteadyUTC returns the moment at which the chunk ends, ns of UTC less SteppedNS.
func (c *Chunk) EndSteadyUTC() int64 { return c.UTC - c.SteppedNS + c.LastedNS() }

// LastedNS returns the chunk's duration on the wall clock. It differs from SpanNS for a time-lapse.
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
