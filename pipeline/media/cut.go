package media

// maxUnits bounds the access units of one track in a chunk: many tiny ones must
// not grow columns without bound. 6 ms audio reaches 333 in two seconds.
const maxUnits = 1 << 14

// closes tells whether an access unit begins the next chunk, and whether the one
// that it closes was cut for its size alone.
func (b *Builder) closes(track int, au *AU, dts int64, size int, sync bool) (yes, more bool) {
	if b.cuts(track, au, dts, sync) {
		return true, false
	}
	if col := &b.cur.Tracks[track]; sync && track == b.set.lead && b.set.Tracks[track].Kind() == Video {
		_, last := col.lastGOP()
		size = max(size, last)
	}
	if b.cur.Bytes()+size > b.cfg.MaxBytes {
		return true, b.hasTime(track, dts)
	}
	return false, false
}

// cuts tells whether an access unit begins the next chunk however small this one is.
func (b *Builder) cuts(track int, au *AU, dts int64, sync bool) bool {
	col, limit := &b.cur.Tracks[track], &b.tracks[track].limits
	n, begun := col.Len(), int64(0)
	switch {
	case track == b.set.lead && sync && (n == 0 || b.set.Tracks[track].Kind() == Video && !b.joins(au, dts)):
		return true // a GOP begins; sound before the first picture is not part of it
	case n == 0: // sound that the chunk holds ends an interval that the picture is not part of
		return b.more && track == b.set.lead && dts-b.sinceTicks >= limit.flushTicks
	case track == b.set.lead:
		begun = b.sinceTicks
	default:
		begun = col.DTS[0]
		if b.more {
			begun = min(begun, Rescale(b.sinceTicks, b.set.Tracks[b.set.lead].Timescale, b.set.Tracks[track].Timescale))
		}
	}
	return n >= maxUnits || dts-begun >= limit.flushTicks || dts-col.DTS[n-1] > limit.stallTicks
}

// joins tells whether the GOP that begins with a picture goes into the open chunk:
// a chunk is as many GOPs as the flush interval has room for, the next one taken to
// be as long as the last, and as large. So a key frame a picture is no write a picture. A chunk
// that holds the end of a longer GOP takes no other, and what begins a file, be it
// for a gap or for a clock that was set, begins a chunk.
func (b *Builder) joins(au *AU, dts int64) bool {
	c := b.cur
	if !c.StartsGOP || !b.gap.None() || au.SteppedNS != c.SteppedNS || au.MonoNS-b.sinceMonoNS >= int64(b.cfg.Flush) {
		return false
	}
	last, _ := c.Lead().lastGOP()
	return dts-b.sinceTicks+(dts-last) <= b.tracks[b.set.lead].flushTicks
}

// lastGOP is when the newest sync sample is decoded, or the first access unit where
// there is none, and the bytes from it on.
func (c *Columns) lastGOP() (dts int64, bytes int) {
	k := c.Len() - 1
	for bytes = int(c.SizeBytes[k]); k > 0 && c.Flags[k]&FlagSync == 0; bytes += int(c.SizeBytes[k]) {
		k--
	}
	return c.DTS[k], bytes
}

// hasTime tells whether the flush interval that the open chunk is part of has room
// for another chunk as long, before an access unit of a track.
func (b *Builder) hasTime(track int, dts int64) bool {
	lead := b.cur.Lead()
	if lead.Len() == 0 {
		return false
	}
	at := Rescale(dts, b.set.Tracks[track].Timescale, b.set.Tracks[b.set.lead].Timescale)
	return at-b.sinceTicks+(at-lead.DTS[0]) <= b.tracks[b.set.lead].flushTicks
}

// close ends the chunk before an access unit at dts of one track, which begins
// the next chunk; more is Chunk.More.
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
	old.More = more
	b.cur = nil
	for i := range old.Tracks {
		if i != track && i != b.set.lead { // the lead track's place is where it cut
			b.carry(old, i, Rescale(dts, from, b.set.Tracks[i].Timescale))
		}
	}
	next := b.cur
	if old.AccessUnits() == 0 { // everything in it was carried on
		next.Seq, b.seq = old.Seq, old.Seq
		next.Gaps = append(next.Gaps, old.Gaps...)
		b.pool.seal(old)
		old.Release()
	} else {
		b.cur = old
		b.seal()
	}
	b.cur = next
}

// carry moves the access units of a track that are not before a time into the
// next chunk.
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
	col.Payload.cut(b.pool, bytes)
}

// end gives a track its last duration where no next access unit is known.
func (b *Builder) end(track int) {
	col := &b.cur.Tracks[track]
	if n := col.Len(); n > 0 {
		col.EndTicks = col.DTS[n-1] + b.nominal(track)
	}
}

// nominal is the duration that an access unit of a track has when nothing
// better is known: at least a tick, and no longer than a stall.
func (b *Builder) nominal(track int) int64 {
	t, st := &b.set.Tracks[track], &b.tracks[track]
	n := int64(t.Timescale) / 25
	switch {
	case t.FrameDurationTicks > 0:
		n = int64(t.FrameDurationTicks)
	case st.deltaTicks > 0:
		n = st.deltaTicks
	}
	return max(min(n, st.stallTicks), 1)
}
