package media

import (
	"slices"
	"time"
)

// Gap describes missing media: before a chunk or a segment, or, as an entry of Chunk.Gaps or Recording.Gaps,
// inside a chunk or a recording. The zero value means no gap.
type Gap struct {
	Cause Cause `json:"cause"`
	// DurationNS is the time from the last unit before the gap to the first unit after it. It is 0 if no media
	// is missing, as after a timestamp jump.
	DurationNS int64 `json:"duration_ns,omitempty"`
	Chunks     int   `json:"chunks,omitempty"` // number of dropped chunks, if counted
	// StepNS is the step of the clock that dates the files between the previous file and this file: by that clock,
	// this file begins DurationNS + StepNS after the end of the previous file. It is 0 for a step of less than
	// MinClockStepNS.
	StepNS int64 `json:"step_ns,omitempty"`

	// The following fields are set only in an entry of Chunk.Gaps or Recording.Gaps.

	StartUTC    int64 `json:"start_ns,omitempty"`     // begin of the gap; DurationNS then counts wall clock time
	Track       int   `json:"track,omitempty"`        // number of the track with the gap, from 1; 0 means all tracks
	AccessUnits int   `json:"access_units,omitempty"` // number of lost access units, approximately; 0 if unknown
	Bytes       int64 `json:"bytes,omitempty"`        // lost bytes; 0 if not counted
	Places      int   `json:"places,omitempty"`       // number of gaps joined in this entry
	MissingNS   int64 `json:"missing_ns,omitempty"`   // time without media; 0 means that it equals DurationNS

	// Next is set only in an entry of Chunk.Gaps: the gap before the next file may report this gap, too.
	// If a file begins at the next key frame, Recording.Gap of that file reports the gap, and the
	// recording that contains the chunk does not list it. Otherwise that recording lists it, without Next.
	Next bool `json:"next,omitempty"`
}

// MinClockStepNS is the smallest step of the wall clock that ends a file. A smaller step takes effect with the
// next file.
const MinClockStepNS = int64(time.Second)

// ClockStep returns ns, a step of the wall clock, or 0 if the step is smaller than MinClockStepNS.
func ClockStep(ns int64) int64 {
	if -MinClockStepNS < ns && ns < MinClockStepNS {
		return 0
	}
	return ns
}

// None reports whether g is the zero value: no gap.
func (g Gap) None() bool { return g.Cause == "" }

// Lossless reports whether no media is missing: g is the zero value, or only a jump of the sender's clock or a
// step of the wall clock.
func (g Gap) Lossless() bool {
	return g.None() || (g.Cause == GapTimestampJump || g.Cause == GapClockStep) && g.DurationNS == 0 && g.Chunks == 0
}

// Plus returns the sum of this gap and the gap o that follows it. The sum has the cause of this gap, unless
// this gap is the zero value, or media is missing in o only: then it has the cause of o.
func (g Gap) Plus(o Gap) Gap {
	if o.None() {
		return g
	}
	if g.None() || g.Lossless() && !o.Lossless() {
		g.Cause = o.Cause
	}
	g.DurationNS += o.DurationNS
	g.Chunks += o.Chunks
	g.StepNS += o.StepNS
	g.AccessUnits += o.AccessUnits
	g.Bytes += o.Bytes
	return g
}

// A recording lists the gaps inside its file in the order of detection. The list is bounded: gaps
// with the same cause and track that are less than gapJoinNS apart are one entry, and Places counts
// them. A full list sums further gaps in its last entry, whose cause is GapFurther (gaps with Next
// have an entry of their own). So the sums over the list are complete.
//
//	Recording.Gap   the gap before the file, with the cause for which the file begins. It lasts
//	                from the last unit before the gap to the first unit after it: one frame
//	                longer than the missing media
//	Recording.Gaps  the gaps inside the file, and gaps right before the file if Recording.Gap
//	                is the zero value. A gap may begin before the file and end inside it
//
// Each gap is reported once. If a file ends at a gap, only Recording.Gap of the next file reports
// it, even if the first file still received pictures that depend on lost ones. If one track is
// missing at the end of a file and at the begin of the next, each file reports its own part.

// MaxGaps bounds the gaps that one recording lists, maxChunkGaps those of one chunk.
const (
	MaxGaps      = 64
	maxChunkGaps = 8
)

// gapJoinNS is the distance, in ns, below which two gaps with the same cause and track become one
// entry of a list.
const gapJoinNS = int64(time.Second)

// EndUTC returns the end of a gap inside a recording, ns UTC.
func (g Gap) EndUTC() int64 { return g.StartUTC + g.DurationNS }

// Missing returns the part of DurationNS without media, in ns. It is less than DurationNS if several gaps with
// media between them were joined to this gap.
func (g Gap) Missing() int64 {
	if g.MissingNS > 0 {
		return g.MissingNS
	}
	return g.DurationNS
}

// From returns the part of the gap at and after the moment utc, ns UTC. DurationNS of the part is 0 if the gap
// ends before that moment.
func (g Gap) From(utc int64) Gap {
	if before := utc - g.StartUTC; before > 0 {
		if g.MissingNS > 0 {
			g.MissingNS = max(g.MissingNS-before, 0)
		}
		g.StartUTC, g.DurationNS = utc, max(g.DurationNS-before, 0)
	}
	return g
}

// JoinGap returns list, the gaps of a recording, with the gap g added, at most MaxGaps entries. It may change list
// in place, so the caller uses only the result.
func JoinGap(list []Gap, g Gap) []Gap { return joinGap(list, g, MaxGaps) }

func joinGap(list []Gap, g Gap, most int) []Gap {
	g.Places = max(g.Places, 1)
	for i := len(list) - 1; i >= 0; i-- {
		if l := &list[i]; l.Cause == g.Cause && l.Track == g.Track && l.Next == g.Next {
			if near(l, &g) {
				l.cover(&g)
				return list
			}
			break
		}
	}
	n := len(list)
	at := slices.IndexFunc(list, func(l Gap) bool { return l.Cause == GapFurther && l.Next == g.Next })
	switch {
	case at >= 0:
		list[at].cover(&g)
	case n < most-1:
		list = append(list, g)
	case n < most:
		list, at = append(list, g), n
	default:
		list, at = joinBeyond(list, g)
	}
	if at >= 0 {
		list[at].Cause, list[at].Track = GapFurther, 0
	}
	return list
}

// joinBeyond adds the gap g to a full list by joining entries. It returns the list and the index of the entry
// that includes g, whose cause the caller sets to GapFurther. It does not join gaps of which only one has Next
// set, unless the list has one entry only. If no entry has the same Next as g, it joins the last two entries
// instead, appends g, and returns the index -1.
func joinBeyond(list []Gap, g Gap) ([]Gap, int) {
	last := len(list) - 1
	at := last
	for at > 0 && list[at].Next != g.Next {
		at--
	}
	switch {
	case list[at].Next == g.Next:
		list[at].cover(&g)
	case last == 0:
		list[0].cover(&g)
		list[0].Next = false
	default: // all entries have another Next
		list[last-1].cover(&list[last])
		list[last-1].Cause, list[last-1].Track = GapFurther, 0
		list[last] = g
		return list, -1
	}
	return list, at
}

// FoldGaps returns a copy of list with at most most entries, or with one if most is less than 1. It makes the copy as
// JoinGap makes the list of a recording, with most in place of MaxGaps: near gaps with the same cause and track become
// one entry, and the last place is for the sum of the further gaps, with the cause GapFurther.
func FoldGaps(list []Gap, most int) []Gap {
	var out []Gap
	for _, g := range list {
		out = joinGap(out, g, max(most, 1))
	}
	return out
}

// near reports whether two gaps overlap or are less than gapJoinNS apart.
func near(a, b *Gap) bool {
	return b.StartUTC-a.EndUTC() < gapJoinNS && a.StartUTC-b.EndUTC() < gapJoinNS
}

// cover extends g so that it includes o, and adds the losses of o.
func (g *Gap) cover(o *Gap) {
	start, end := min(g.StartUTC, o.StartUTC), max(g.EndUTC(), o.EndUTC())
	missing := g.Missing() + o.Missing()
	g.StartUTC, g.DurationNS, g.MissingNS = start, end-start, 0
	if missing < g.DurationNS {
		g.MissingNS = missing
	}
	g.Chunks += o.Chunks
	g.AccessUnits += o.AccessUnits
	g.Bytes += o.Bytes
	g.Places += max(o.Places, 1)
}

// JoinChunkGap returns the list Chunk.Gaps with a gap added, at most maxChunkGaps entries. It may change list in
// place, so the caller uses only the result.
func JoinChunkGap(list []Gap, g Gap) []Gap { return joinGap(list, g, maxChunkGaps) }

// NoteGap adds a gap to Gaps of a chunk that is not sealed yet.
func (c *Chunk) NoteGap(g Gap) { c.Gaps = JoinChunkGap(c.Gaps, g) }

// gapsOf appends to c.Gaps those entries of o.Gaps for which holds returns true.
func (c *Chunk) gapsOf(o *Chunk, holds func(*Gap) bool) {
	for i := range o.Gaps {
		if holds(&o.Gaps[i]) {
			c.Gaps = append(c.Gaps, o.Gaps[i])
		}
	}
}
