package media

// maxUnits bounds the access units of one track in a chunk: many tiny units must
// not grow columns without bound. 6 ms audio reaches 333 in two seconds.
const maxUnits = 1 << 14

// closes reports in yes whether an access unit begins the next chunk. more is then the value of Chunk.More for
// the open chunk. size is the size of the unit in mdat form, in bytes.
func (b *Builder) closes(track int, au *AU, dts int64, size int, sync bool) (yes, more bool) {
	if b.cuts(track, au, dts, sync) {
		return true, b.more && sync && track == b.set.lead && b.cur.Lead().Len() > 0 && b.hasTimeForGOP(au, dts)
	}
	if col := &b.cur.Tracks[track]; sync && track == b.set.lead && b.set.Tracks[track].Kind() == Video {
		_, last := col.lastGOP()
		size = max(size, last)
	}
	bytes := b.cur.Bytes()
	if bytes+size > b.cfg.MaxBytes {
		return true, b.hasTime(track, dts)
	}
	early := b.endsEarly(track, bytes)
	return early, early
}

// cuts reports whether an access unit begins the next chunk for a reason other than the bytes of the open
// chunk: it begins a GOP, the flush interval or maxUnits is reached, or the track was silent before it.
func (b *Builder) cuts(track int, au *AU, dts int64, sync bool) bool {
	col, limit := &b.cur.Tracks[track], &b.tracks[track].limits
	n, begun := col.Len(), int64(0)
	switch {
	case track == b.set.lead && sync && (n == 0 || b.set.Tracks[track].Kind() == Video && !b.joins(au, dts)):
		return true // a GOP begins; sound that came before its first picture stays in the open chunk
	case n == 0: // the open chunk has no unit of this track
		return b.more && track == b.set.lead && dts-b.sinceTicks >= limit.flushTicks
	case track == b.set.lead:
		begun = b.sinceTicks
	case b.set.Aside(track): // its first unit may be late
		begun = max(col.DTS[0], Rescale(b.sinceTicks, b.set.Tracks[b.set.lead].Timescale, b.set.Tracks[track].Timescale))
		return n >= maxUnits || dts-begun >= limit.flushTicks
	default:
		begun = col.DTS[0]
		if b.more {
			begun = min(begun, Rescale(b.sinceTicks, b.set.Tracks[b.set.lead].Timescale, b.set.Tracks[track].Timescale))
		}
	}
	return n >= maxUnits || dts-begun >= limit.flushTicks || dts-col.DTS[n-1] > limit.stallTicks
}

// joins reports whether the GOP that begins with this picture goes into the open chunk. A chunk takes as many
// GOPs as fit into the flush interval; the new GOP is assumed to be as long and as large as the last. So a
// stream of key frames does not cost one write for each picture. A chunk that begins within a GOP takes no
// further GOP. A picture that begins a file, because of a gap or a step of the clock, begins a chunk, too.
func (b *Builder) joins(au *AU, dts int64) bool {
	return b.cur.StartsGOP && b.hasTimeForGOP(au, dts)
}

// hasTimeForGOP reports whether the GOP that begins with a picture is expected to end within the present flush
// interval. The picture must be able to follow the open chunk in the same file.
func (b *Builder) hasTimeForGOP(au *AU, dts int64) bool {
	c := b.cur
	if !b.gap.None() || au.SteppedNS != c.SteppedNS || au.MonoNS-b.sinceMonoNS >= int64(b.cfg.Flush) {
		return false
	}
	last, _ := c.Lead().lastGOP()
	return dts-b.sinceTicks+(dts-last) <= b.tracks[b.set.lead].flushTicks
}

// lastGOP returns the decoding time of the newest sync sample, and the bytes from that sample on. Without a
// sync sample it counts from the first access unit.
func (c *Columns) lastGOP() (dts int64, bytes int) {
	k := c.Len() - 1
	for bytes = int(c.SizeBytes[k]); k > 0 && c.Flags[k]&FlagSync == 0; bytes += int(c.SizeBytes[k]) {
		k--
	}
	return c.DTS[k], bytes
}

// hasTime reports whether another chunk as long as the open chunk would end within the present flush interval,
// if the open chunk ended at the decoding time dts of a track. It returns false if the open chunk has no unit
// of the lead track.
func (b *Builder) hasTime(track int, dts int64) bool {
	lead := b.cur.Lead()
	if lead.Len() == 0 {
		return false
	}
	at := Rescale(dts, b.set.Tracks[track].Timescale, b.set.Tracks[b.set.lead].Timescale)
	return at-b.sinceTicks+(at-lead.DTS[0]) <= b.tracks[b.set.lead].flushTicks
}

// close ends the open chunk before the access unit of a track with the decoding time dts. That access unit
// begins the next chunk. Units of the other tracks that are not earlier move to the next chunk, except those of
// the lead track. more becomes Chunk.More of the ended chunk.
func (b *Builder) close(track int, dts int64, more bool) {
	old := b.cur
	for i := range old.Tracks {
		b.end(i)
	}
	from := b.set.Tracks[track].Timescale
	col := &old.Tracks[track]
	if n := col.Len(); n > 0 && !b.tracks[track].stood {
		col.EndTicks = dts
	}
	b.endAside()
	old.More = more
	b.cur = nil
	for i := range old.Tracks {
		if i != track && i != b.set.lead { // the lead track cuts at its own access unit
			b.carry(old, i, Rescale(dts, from, b.set.Tracks[i].Timescale))
		}
	}
	next := b.cur
	if old.AccessUnits() == 0 { // all access units moved to the next chunk
		next.Seq, b.seq = old.Seq, old.Seq
		next.Gaps = append(next.Gaps, old.Gaps...)
		b.pool.openChunks.Add(-1)
		b.pool.seal(old)
		old.Release()
	} else {
		b.cur = old
		b.seal()
	}
	b.cur = next
}

// carry moves the access units of a track whose DTS is at least at, in ticks, from the chunk old to the next
// chunk, b.cur. It opens the next chunk if b.cur is nil.
func (b *Builder) carry(old *Chunk, track int, at int64) {
	col := &old.Tracks[track]
	k, bytes := col.Len(), col.Payload.Len()
	for k > 0 && col.DTS[k-1] >= at {
		k--
		bytes -= int(col.SizeBytes[k])
	}
	if k == col.Len() {
		return
	}
	if b.cur == nil {
		b.open()
	}
	to := &b.cur.Tracks[track]
	to.DTS = append(to.DTS, col.DTS[k:]...)
	to.OffsetTicks = append(to.OffsetTicks, col.OffsetTicks[k:]...)
	to.SizeBytes = append(to.SizeBytes, col.SizeBytes[k:]...)
	to.Flags = append(to.Flags, col.Flags[k:]...)
	b.moved = col.Payload.Slices(b.moved[:0], bytes, col.Payload.Len()-bytes)
	for _, m := range b.moved {
		to.Payload.add(b.pool, m)
	}
	col.EndTicks = col.DTS[k]
	col.DTS, col.OffsetTicks, col.SizeBytes, col.Flags = col.DTS[:k], col.OffsetTicks[:k], col.SizeBytes[:k], col.Flags[:k]
	if old.observed {
		old.aside = append(old.aside, col.Payload.cut(bytes)...)
	} else {
		b.pool.freeBlocks(col.Payload.cut(bytes)...)
	}
}

// end gives the last access unit of a track its nominal duration, because the next access unit is not known.
func (b *Builder) end(track int) {
	col := &b.cur.Tracks[track]
	if n := col.Len(); n > 0 {
		col.EndTicks = col.DTS[n-1] + b.nominal(track)
	}
}

// endAside ends the last access unit of each track of metadata with the open chunk. Its next unit may be hours away.
func (b *Builder) endAside() {
	lead := b.cur.Lead()
	for i := range b.cur.Tracks {
		if col := &b.cur.Tracks[i]; b.set.Aside(i) && col.Len() > 0 {
			col.EndTicks = col.DTS[col.Len()-1] + 1
			if lead.Len() > 0 {
				col.EndTicks = max(col.EndTicks, Rescale(lead.EndTicks, b.set.Tracks[b.set.lead].Timescale, b.set.Tracks[i].Timescale))
			}
		}
	}
}

// nominal returns the assumed duration of the newest access unit of a track, in ticks: the frame duration of the
// codec, else AU.DurationTicks, else the last difference of decoding times, else 1/25 s. The result is at least 1
// and at most MaxStall.
func (b *Builder) nominal(track int) int64 {
	t, st := &b.set.Tracks[track], &b.tracks[track]
	n := int64(t.Timescale) / 25
	switch {
	case t.FrameDurationTicks > 0:
		n = int64(t.FrameDurationTicks)
	case st.givenTicks > 0:
		n = st.givenTicks
	case st.deltaTicks > 0:
		n = st.deltaTicks
	}
	return max(min(n, st.stallTicks), 1)
}

// Streams that begin together also end their chunks together. Just before that, their open chunks take twice the
// memory that they would take if their ends were spread. Therefore, while the open chunks of all builders of a pool
// are crowded, a chunk ends as soon as it has earlyBytes. Such a chunk costs a write, but no sync of its own: it has
// Chunk.More set, and the flush interval ends as it would without it.
//
// Open chunks are crowded beyond crowdedBytes, and where there are more than fewChunks of them, beyond another
// crowdedChunkBytes for each: the memory of many small chunks does not pay for twice as many writes.
const (
	crowdedBytes      = 8 << 20
	fewChunks         = 64
	crowdedChunkBytes = 192 << 10
	earlyBytes        = 128 << 10
)

// crowded reports whether the open chunks of all builders of the pool take much memory.
func (p *Pool) crowded() bool {
	many := max(p.openChunks.Load()-fewChunks, 0)
	return p.openBytes.Load() > crowdedBytes+many*crowdedChunkBytes
}

// endsEarly reports whether the open chunk ends before its next access unit, of the given track, to save memory.
// bytes is the size of its payload.
func (b *Builder) endsEarly(track, bytes int) bool {
	return track == b.set.lead && bytes >= earlyBytes && b.cur.Lead().Len() > 0 && b.pool.crowded()
}
