package media

import "slices"

// View is a chunk that shows some tracks of another, in the order of set: track
// i of it is track tracks[i] of c. Nothing is copied: the view shares columns and
// payloads, takes over the caller's reference on c, and ends it when it is itself
// released. All of c stays in memory until then.
//
// Where the view has another lead track than c, it begins a GOP where that track
// begins with a sync sample, and its wall clock is moved to that track's first
// access unit. A view may be without any access unit: it keeps the place of c in
// the stream, so that nothing looks lost.
func (p *Pool) View(c *Chunk, set *TrackSet, tracks []int) *Chunk {
	v := p.get(set)
	v.of = c
	v.Seq, v.UTC, v.Stepped, v.Gap, v.More = c.Seq, c.UTC, c.Stepped, c.Gap, c.More
	v.holeNS = c.holeNS
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

// unview forgets what belongs to another chunk, so that the pool does not keep it
// for reuse.
func (c *Chunk) unview() {
	clear(c.Tracks)
	c.of = nil
}
