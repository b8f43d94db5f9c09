package media

import (
	"slices"
	"time"
)

// Gap describes media missing immediately before a chunk or a segment, or, in a list, inside of it.
// The zero value is no gap.
type Gap struct {
	Cause      Cause `json:"cause"`
	DurationNS int64 `json:"duration_ns,omitempty"` // media or wall time from the last unit before the gap to the first unit after it; 0 if nothing is missing, as after a timestamp jump
	Chunks     int   `json:"chunks,omitempty"`      // whole chunks dropped, if counted
	// StepNS is by how much this machine's wall clock was set between the previous file and this
	// one: by that clock this file begins DurationNS + StepNS after the end of the previous file.
	// It is 0 if it is less than MinClockStepNS.
	StepNS int64 `json:"step_ns,omitempty"`

	// The following fields describe a gap inside a recording only: see Recording.Gaps.

	StartUTC    int64 `json:"start_ns,omitempty"`     // begin; DurationNS is wall clock, too
	Track       int   `json:"track,omitempty"`        // number of the only track concerned, from 1; 0: all tracks
	AccessUnits int   `json:"access_units,omitempty"` // lost, approximately, if known
	Bytes       int64 `json:"bytes,omitempty"`        // lost, if counted
	Places      int   `json:"places,omitempty"`       // number of gaps joined in this one
	MissingNS   int64 `json:"missing_ns,omitempty"`   // see Missing; 0 if it equals DurationNS

	// Next marks a gap in a chunk that the gap before the next file reports if that file begins
	// before another key frame arrives without one. A recording lists no gap with Next.
	Next bool `json:"next,omitempty"`
}

// MinClockStepNS is the least step of the wall clock that ends a file. The files follow smaller
// steps from the next file on.
const MinClockStepNS = int64(time.Second)

// ClockStep returns a step of the wall clock, ns, or 0 if it is less than MinClockStepNS.
func ClockStep(ns int64) int64 {
	if -MinClockStepNS < ns && ns < MinClockStepNS {
		return 0
	}
	return ns
}

// None reports whether the value is no gap.
func (g Gap) None() bool { return g.Cause == "" }

// Lossless reports whether the gap is only a break in time, without missing media.
func (g Gap) Lossless() bool {
	return g.None() || (g.Cause == GapTimestampJump || g.Cause == GapClockStep) && g.DurationNS == 0 && g.Chunks == 0
}

// Plus returns this gap joined with another gap right after it. The cause is that of the first of
// them with missing media.
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
// with the same cause and track less than GapJoinNS apart are one entry, and Places counts them.
// Further gaps are summed in the last entry, whose cause is GapFurther, or in a separate entry for
// gaps with Next. The sums lose nothing.
//
//	Recording.Gap   before the file: the reason why the file begins. It lasts from the last
//	                unit before the gap to the first unit after it, one frame more than was lost
//	Recording.Gaps  inside the file; a gap that begins before the file reaches into it, or lies
//	                right before it where no Gap is
//
// Missing media is reported once. A hole at which a file was cut is in the Gap of the next file
// alone, even if pictures that depend on lost pictures arrived after it. For a track that is
// missing across a cut each file reports its part.

// MaxGaps bounds the gaps that one recording lists, MaxChunkGaps those of one chunk.
const (
	MaxGaps      = 64
	MaxChunkGaps = 8
)

// GapJoinNS is the distance below which two gaps with the same cause and track become one entry.
const GapJoinNS = int64(time.Second)

// EndUTC returns the end of a listed gap, ns.
func (g Gap) EndUTC() int64 { return g.StartUTC + g.DurationNS }

// Missing returns the time without media, ns: less than DurationNS if separate gaps were joined.
func (g Gap) Missing() int64 {
	if g.MissingNS > 0 {
		return g.MissingNS
	}
	return g.DurationNS
}

// From returns the part of a gap that is not before a time, ns UTC.
func (g Gap) From(utc int64) Gap {
	if before := utc - g.StartUTC; before > 0 {
		if g.MissingNS > 0 {
			g.MissingNS = max(g.MissingNS-before, 0)
		}
		g.StartUTC, g.DurationNS = utc, max(g.DurationNS-before, 0)
	}
	return g
}

// JoinGap adds a gap to the list of a recording. It changes the list in place when it joins the gap
// with another.
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

// joinBeyond joins a gap to an entry of a full list and returns the index of that entry. Gaps with
// Next and without it stay apart, unless the list has one entry only.
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

// FoldGaps returns a list of at most most gaps, whose last entry sums the rest. It does not change
// list.
func FoldGaps(list []Gap, most int) []Gap {
	var out []Gap
	for _, g := range list {
		out = joinGap(out, g, max(most, 1))
	}
	return out
}

// near reports whether two gaps overlap or are less than GapJoinNS apart.
func near(a, b *Gap) bool {
	return b.StartUTC-a.EndUTC() < GapJoinNS && a.StartUTC-b.EndUTC() < GapJoinNS
}

// cover extends a gap to include another one.
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

// JoinChunkGap is JoinGap for the list of a chunk.
func JoinChunkGap(list []Gap, g Gap) []Gap { return joinGap(list, g, MaxChunkGaps) }

// NoteGap lists a gap in, or right before, a chunk that is not sealed yet.
func (c *Chunk) NoteGap(g Gap) { c.Gaps = JoinChunkGap(c.Gaps, g) }

// gapsOf copies the gaps of another chunk that meet a condition.
func (c *Chunk) gapsOf(o *Chunk, holds func(*Gap) bool) {
	for i := range o.Gaps {
		if holds(&o.Gaps[i]) {
			c.Gaps = append(c.Gaps, o.Gaps[i])
		}
	}
}
