package media

import (
	"slices"
	"time"
)

// Gap tells what is missing immediately before a chunk or a segment, or, in a list, inside
// of it. The zero value says that nothing is.
type Gap struct {
	Cause      Cause `json:"cause"`
	DurationNS int64 `json:"duration_ns,omitempty"` // ns of media or wall time from the last unit that was kept to the first one; 0 where nothing is missing, as after a timestamp jump
	Chunks     int   `json:"chunks,omitempty"`      // whole chunks dropped, where they were counted
	// Step is by how much this machine's wall clock was set between the file before
	// and this one, ns: by that clock this one begins Duration + Step after the end
	// of the other. 0 where it is less than MinClockStepNS.
	StepNS int64 `json:"step_ns,omitempty"`

	// What follows is known of a gap inside a recording only: see Recording.Gaps.

	StartUTC    int64 `json:"start_ns,omitempty"`     // ns; Duration is of wall clock, too
	Track       int   `json:"track,omitempty"`        // number of the one track that it is in, from 1; 0: all
	AccessUnits int   `json:"access_units,omitempty"` // that were lost, about, where it is known
	Bytes       int64 `json:"bytes,omitempty"`        // that were lost, where they were counted
	Places      int   `json:"places,omitempty"`       // how many gaps were joined to this one
	MissingNS   int64 `json:"missing_ns,omitempty"`   // see Missing; 0 where it is all of Duration

	// Next says of a gap in a chunk that the gap before the next file tells it, if one
	// begins before another key frame comes without. A recording lists none with it.
	Next bool `json:"next,omitempty"`
}

// MinClockStepNS is the least change of the wall clock that ends a file, ns. The
// clock is followed in smaller ones from the next file on.
const MinClockStepNS = int64(time.Second)

// ClockStep is a change of the wall clock, ns, or 0 where it is too small to count.
func ClockStep(ns int64) int64 {
	if -MinClockStepNS < ns && ns < MinClockStepNS {
		return 0
	}
	return ns
}

// None reports whether there is no gap.
func (g Gap) None() bool { return g.Cause == "" }

// Lossless reports whether the gap is a break in time only: nothing is missing.
func (g Gap) Lossless() bool {
	return g.None() || (g.Cause == GapTimestampJump || g.Cause == GapClockStep) && g.DurationNS == 0 && g.Chunks == 0
}

// Plus is this gap and another one right behind it. The first that lost anything
// tells the cause.
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

// A recording lists the gaps inside its file, in the order in which they were found.
// The list is bounded: gaps of one cause on one track that are closer than GapJoinNS
// are one, with Places telling how many, and what does not fit any more is counted in
// the last one, whose cause is GapFurther, or in one for those with Next. Nothing is left
// out of the sums.
//
//	Recording.Gap   before the file: it says why a file begins here. It counts from the
//	                last unit that was kept to the first one, so a frame more than was
//	                lost
//	Recording.Gaps  inside of it; one that begins before the file reaches into it, or
//	                is of the moment right before it where no Gap is
//
// What is missing is told once. A hole behind which a file was cut is in the next one's
// Gap alone, also where pictures that depend on others still came behind it. Of a track
// that is missing across a cut each file tells its part.

// MaxGaps is how many gaps one recording lists, and MaxChunkGaps how many one chunk.
const (
	MaxGaps      = 64
	MaxChunkGaps = 8
)

// GapJoinNS is how close two gaps of one cause on one track are that are listed as one.
const GapJoinNS = int64(time.Second)

// EndUTC is where a gap of a list ends, ns.
func (g Gap) EndUTC() int64 { return g.StartUTC + g.DurationNS }

// Missing is for how long nothing is there, ns: less than Duration where gaps were joined
// that are apart.
func (g Gap) Missing() int64 {
	if g.MissingNS > 0 {
		return g.MissingNS
	}
	return g.DurationNS
}

// From is what of a gap is not before a time, ns UTC, up to where nothing is there.
func (g Gap) From(utc int64) Gap {
	if before := utc - g.StartUTC; before > 0 {
		if g.MissingNS > 0 {
			g.MissingNS = max(g.MissingNS-before, 0)
		}
		g.StartUTC, g.DurationNS = utc, max(g.DurationNS-before, 0)
	}
	return g
}

// JoinGap adds a gap to those of a recording, in place where it is joined to another.
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

// joinBeyond joins a gap to those of a full list, and returns which one has it. What the
// gap before the next file tells stays apart from what it does not, but in a list of one.
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
	default: // all are of the other kind
		list[last-1].cover(&list[last])
		list[last-1].Cause, list[last-1].Track = GapFurther, 0
		list[last] = g
		return list, -1
	}
	return list, at
}

// FoldGaps is a list of at most so many, where the last one has all beyond. The list
// is not changed.
func FoldGaps(list []Gap, most int) []Gap {
	var out []Gap
	for _, g := range list {
		out = joinGap(out, g, max(most, 1))
	}
	return out
}

// near reports whether two gaps are closer than GapJoinNS, or overlap.
func near(a, b *Gap) bool {
	return b.StartUTC-a.EndUTC() < GapJoinNS && a.StartUTC-b.EndUTC() < GapJoinNS
}

// cover widens a gap so that it has another one, too.
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

// JoinChunkGap is JoinGap for those of a chunk.
func JoinChunkGap(list []Gap, g Gap) []Gap { return joinGap(list, g, MaxChunkGaps) }

// NoteGap lists a gap that lies in a chunk, which is not sealed yet, or right before it.
func (c *Chunk) NoteGap(g Gap) { c.Gaps = JoinChunkGap(c.Gaps, g) }

// gapsOf takes over the gaps of another chunk that a condition holds for.
func (c *Chunk) gapsOf(o *Chunk, holds func(*Gap) bool) {
	for i := range o.Gaps {
		if holds(&o.Gaps[i]) {
			c.Gaps = append(c.Gaps, o.Gaps[i])
		}
	}
}
