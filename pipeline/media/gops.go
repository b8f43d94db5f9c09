package media

// A chunk may hold several GOPs. Each lasts from a sync sample of the lead track to the next one. The following
// methods find their boundaries.

// NextGOP returns the index of the access unit of the lead track that begins the next GOP after
// access unit i, or -1.
func (c *Chunk) NextGOP(i int) int {
	lead := c.Lead()
	for i++; i < lead.Len(); i++ {
		if lead.Flags[i]&FlagSync != 0 {
			return i
		}
	}
	return -1
}

// GOPFrom returns the GOP of the chunk that holds the moment utc, as the index of its first access unit in the
// lead track: the last GOP that begins at or before utc. It returns 0, the chunk's begin, if utc is earlier.
func (c *Chunk) GOPFrom(utc int64) (at int) {
	for i := c.NextGOP(0); i > 0 && c.UTCAt(i) <= utc; i = c.NextGOP(i) {
		at = i
	}
	return at
}

// GOPUntil returns the first GOP that begins at or after the moment utc, as the index of its first access unit
// in the lead track. The GOP at the chunk's begin does not count. It returns -1 if the chunk has no such GOP.
func (c *Chunk) GOPUntil(utc int64) int {
	i := c.NextGOP(0)
	for i > 0 && c.UTCAt(i) < utc {
		i = c.NextGOP(i)
	}
	return i
}

// UTCAt returns the wall clock, ns UTC, of access unit i of the lead track.
func (c *Chunk) UTCAt(i int) int64 {
	lead := c.Lead()
	return c.UTC + c.Set.LifeNS(ToNanos(lead.DTS[i]-lead.DTS[0], c.Set.Tracks[c.Set.lead].Timescale))
}

// Split divides a chunk in two: behind begins with access unit i of the lead track, which begins a GOP and is
// not the first. The other tracks are divided at the same moment. Split takes over the caller's reference and
// returns one reference to each part. Both parts have the chunk's sequence number. Split copies no media: all
// memory of the chunk stays in use until both parts are released.
func (c *Chunk) Split(i int) (before, behind *Chunk) {
	before, behind = c.part(), c.Retain().part()
	before.StartsGOP, before.Gap, before.holeNS, before.byFlow = c.StartsGOP, c.Gap, c.holeNS, c.byFlow
	before.UTC, behind.UTC = c.UTC, c.UTCAt(i)
	behind.StartsGOP, behind.More = true, c.More
	before.gapsOf(c, func(g *Gap) bool { return g.StartUTC < behind.UTC })
	behind.gapsOf(c, func(g *Gap) bool { return g.StartUTC >= behind.UTC })
	at, from := c.Lead().DTS[i], c.Set.Tracks[c.Set.lead].Timescale
	for t := range c.Tracks {
		k := i
		if t != c.Set.lead {
			k = c.Tracks[t].until(Rescale(at, from, c.Set.Tracks[t].Timescale))
		}
		before.Tracks[t], behind.Tracks[t] = c.Tracks[t].split(k)
	}
	return before, behind
}

// Last returns the chunk with More false, for the last chunk of a stream. It takes over the caller's reference
// and returns one.
func (c *Chunk) Last() *Chunk {
	if !c.More {
		return c
	}
	p := c.part()
	p.StartsGOP, p.UTC, p.Gap, p.Gaps = c.StartsGOP, c.UTC, c.Gap, append(p.Gaps, c.Gaps...)
	p.holeNS, p.byFlow = c.holeNS, c.byFlow
	copy(p.Tracks, c.Tracks)
	return p
}

// part returns an empty view of the chunk. The view takes over the caller's reference.
func (c *Chunk) part() *Chunk {
	p := &Chunk{Set: c.Set, Tracks: make([]Columns, len(c.Tracks))}
	if c.pool != nil {
		p = c.pool.get(c.Set)
	}
	p.of, p.Seq, p.SteppedNS = c, c.Seq, c.SteppedNS
	return p
}

// until returns the number of access units before the decoding time at.
func (c *Columns) until(at int64) int {
	k := c.Len()
	for k > 0 && c.DTS[k-1] >= at {
		k--
	}
	return k
}

// split returns the access units before index k, and those from index k on. Both share the memory of c.
func (c *Columns) split(k int) (before, behind Columns) {
	bytes := 0
	for _, size := range c.SizeBytes[:k] {
		bytes += int(size)
	}
	before = Columns{
		DTS: c.DTS[:k:k], OffsetTicks: c.OffsetTicks[:k:k], SizeBytes: c.SizeBytes[:k:k], Flags: c.Flags[:k:k], EndTicks: c.EndTicks,
		Payload: Payload{blocks: c.Payload.Slices(nil, 0, bytes), sizeBytes: bytes},
	}
	if k < c.Len() {
		before.EndTicks = c.DTS[k]
	}
	behind = Columns{DTS: c.DTS[k:], OffsetTicks: c.OffsetTicks[k:], SizeBytes: c.SizeBytes[k:], Flags: c.Flags[k:], EndTicks: c.EndTicks, Payload: c.Payload.From(bytes)}
	return before, behind
}
