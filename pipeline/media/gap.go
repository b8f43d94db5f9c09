package media

// A recording lists the gaps inside its file, in the order in which they were found.
// The list is bounded: gaps of one cause on one track that are closer than GapJoinNS
// are one, with Places telling how many, and what does not fit any more is counted in
// the last one, whose cause is GapFurther. Nothing is left out of the sums.
//
//	Recording.Gap   before the file: it says why a file begins here
//	Recording.Gaps  inside of it; one that begins before the file reaches into it. The
//	                hole behind which a file was cut lies at the end of the file before
//	                where pictures that depend on others still came behind it

// MaxGaps is how many gaps one recording lists, and MaxChunkGaps how many one chunk.
const (
	MaxGaps      = 64
	MaxChunkGaps = 8
)

// GapJoinNS is how close two gaps of one cause on one track are that are listed as one.
const GapJoinNS = 1_000_000_000

// EndUTC is where a gap of a list ends, ns.
func (g Gap) EndUTC() int64 { return g.StartUTC + g.Duration }

// JoinGap adds a gap to those of a recording, in place where it is joined to another.
func JoinGap(list []Gap, g Gap) []Gap { return joinGap(list, g, MaxGaps) }

func joinGap(list []Gap, g Gap, most int) []Gap {
	g.Places = max(g.Places, 1)
	for i := len(list) - 1; i >= 0; i-- {
		if l := &list[i]; l.Cause == g.Cause && l.Track == g.Track {
			if near(l, &g) {
				l.cover(&g)
				return list
			}
			break
		}
	}
	n := len(list)
	switch {
	case n > 0 && list[n-1].Cause == GapFurther:
		list[n-1].cover(&g)
		return list
	case n < most-1:
		return append(list, g)
	case n >= most:
		list[n-1].cover(&g)
	default:
		list = append(list, g)
	}
	last := &list[len(list)-1]
	last.Cause, last.Track = GapFurther, 0
	return list
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
	g.StartUTC, g.Duration = start, end-start
	g.Chunks += o.Chunks
	g.AccessUnits += o.AccessUnits
	g.Bytes += o.Bytes
	g.Places += max(o.Places, 1)
}

// noteGap lists a gap that lies in a chunk, or right before it.
func (c *Chunk) noteGap(g Gap) { c.Gaps = joinGap(c.Gaps, g, MaxChunkGaps) }

// gapsOf takes over the gaps of another chunk that a condition holds for.
func (c *Chunk) gapsOf(o *Chunk, holds func(*Gap) bool) {
	for i := range o.Gaps {
		if holds(&o.Gaps[i]) {
			c.Gaps = append(c.Gaps, o.Gaps[i])
		}
	}
}
