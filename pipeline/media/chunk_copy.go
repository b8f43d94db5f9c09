package media

import (
	"errors"
	"fmt"
	"slices"
)

// View returns a chunk that shows some tracks of c: track i of the view is track tracks[i] of c, and set
// describes the tracks of the view. View copies no media. The view takes over the caller's reference to c and
// releases it when the view itself is released; until then all memory of c stays in use.
//
// If the lead track of the view is another track than that of c, the view begins a GOP when its lead track
// begins with a sync sample, and its UTC is that of this track's first access unit. A view without access units
// has the sequence number of c, too, so that no chunk seems to be missing.
func (p *Pool) View(c *Chunk, set *TrackSet, tracks []int) *Chunk {
	v := p.get(set)
	v.of = c
	v.Seq, v.UTC, v.SteppedNS, v.Gap, v.More = c.Seq, c.UTC, c.SteppedNS, c.Gap, c.More
	v.holeNS, v.byFlow = c.holeNS, c.byFlow
	for i, from := range tracks {
		v.Tracks[i] = c.Tracks[from]
	}
	for _, g := range c.Gaps {
		if at := slices.Index(tracks, g.Track-1); g.Track == 0 || at >= 0 {
			g.Track = at + 1
			v.Gaps = append(v.Gaps, g)
		}
	}
	if tracks[set.lead] == c.Set.lead {
		v.StartsGOP = c.StartsGOP
		return v
	}
	lead := v.Lead()
	if lead.Len() == 0 {
		return v
	}
	v.StartsGOP = lead.Flags[0]&FlagSync != 0
	if old := c.Lead(); old.Len() > 0 {
		v.UTC += ToNanos(lead.DTS[0], set.Tracks[set.lead].Timescale) - ToNanos(old.DTS[0], c.Set.Tracks[c.Set.lead].Timescale)
	}
	return v
}

// unview removes the columns of a view. They belong to the shown chunk, so the pool must not keep their memory
// with the view for reuse.
func (c *Chunk) unview() {
	clear(c.Tracks)
	c.of = nil
}

// Code that counts no references, such as a go-streams flow, gets copies in memory of the garbage collector.
// Retain and Release of a copy do nothing; in all other respects a copy equals its chunk. Check validates the
// chunks that such code returns, before a stage gets them.

// Unpooled returns a copy of the chunk in memory of the garbage collector. The caller keeps its reference to
// the chunk.
func (c *Chunk) Unpooled() *Chunk {
	u := &Chunk{
		Set: c.Set, Seq: c.Seq, Tracks: make([]Columns, len(c.Tracks)), StartsGOP: c.StartsGOP, More: c.More,
		UTC: c.UTC, SteppedNS: c.SteppedNS, Gap: c.Gap, Gaps: slices.Clone(c.Gaps), holeNS: c.holeNS, byFlow: c.byFlow,
	}
	if c.Mark != nil {
		u.Mark = c.Mark.copy()
	}
	for i := range c.Tracks {
		t := &c.Tracks[i]
		u.Tracks[i] = Columns{
			DTS: slices.Clone(t.DTS), OffsetTicks: slices.Clone(t.OffsetTicks), SizeBytes: slices.Clone(t.SizeBytes), Flags: slices.Clone(t.Flags),
			EndTicks: t.EndTicks, Payload: NewPayload(t.Payload.Append(make([]byte, 0, t.Payload.Len()))),
		}
	}
	return u
}

// Place returns the chunk's sequence number, and the number and the bytes of its access units.
func (c *Chunk) Place() (seq uint64, accessUnits, bytes int) {
	return c.Seq, c.AccessUnits(), c.Bytes()
}

// NoteLeftOut records that the go-streams flow which returned c has left out the chunks right before c: HoleCause then
// returns GapByFlow. It changes only a chunk without a pool, such as the Unpooled copies that a flow gets.
func (c *Chunk) NoteLeftOut() {
	if c.pool == nil {
		c.byFlow = true
	}
}

// HoleCause returns the cause of the hole between the sequence numbers of the previous chunk and this chunk:
// GapByFlow after NoteLeftOut, else GapOverload. The result has no meaning if there is no such hole.
func (c *Chunk) HoleCause() Cause {
	if c.byFlow {
		return GapByFlow
	}
	return GapOverload
}

// LeftOutCause returns the cause of drops for a chunk that a go-streams flow does not return.
func (c *Chunk) LeftOutCause() string { return DropByFlow }

// Check returns an error if a chunk from foreign code, such as a go-streams flow, breaks the rules of Chunk and
// Columns.
func (c *Chunk) Check() error {
	switch {
	case c == nil:
		return errors.New("it is nil")
	case c.Mark != nil:
		return nil
	case c.Set == nil || len(c.Tracks) != len(c.Set.Tracks):
		return errors.New("its tracks are not those of its set: Tracks is parallel to Set.Tracks")
	}
	for i := range c.Tracks {
		if err := c.Tracks[i].check(); err != nil {
			return fmt.Errorf("track %d: %w", i+1, err)
		}
	}
	return nil
}

func (c *Columns) check() error {
	n := len(c.DTS)
	if len(c.OffsetTicks) != n || len(c.SizeBytes) != n || len(c.Flags) != n {
		return fmt.Errorf("DTS, Offset, Size and Flags have %d, %d, %d and %d entries: each has one an access unit", n, len(c.OffsetTicks), len(c.SizeBytes), len(c.Flags))
	}
	sum := 0
	for i, size := range c.SizeBytes {
		sum += int(size)
		if i > 0 && c.DTS[i] <= c.DTS[i-1] {
			return fmt.Errorf("access unit %d: the decoding time %d is not after %d: DTS increases strictly", i+1, c.DTS[i], c.DTS[i-1])
		}
	}
	switch {
	case sum != c.Payload.Len():
		return fmt.Errorf("Size adds up to %d bytes, and Payload has %d", sum, c.Payload.Len())
	case n > 0 && c.EndTicks < c.DTS[n-1]:
		return fmt.Errorf("End is %d, before the last decoding time %d", c.EndTicks, c.DTS[n-1])
	}
	return nil
}
