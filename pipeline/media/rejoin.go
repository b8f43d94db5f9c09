package media

// Rejoin continues the present track set with another publisher of the same tracks, such as a camera that has connected
// again. The clock of the new publisher begins anew, so the builder places its media by the wall clock, behind the media
// of the publisher before. The first unit of each track reports the missing media as a gap inside the file (Chunk.Gaps)
// with the cause GapSourceLost. The first unit of the lead track must be a sync sample. Before the first key frame of the
// set, Rejoin begins the set anew, like SetTracks.
func (b *Builder) Rejoin() {
	b.Flush()
	if !b.started {
		b.SetTracks(b.set)
		return
	}
	b.epoch++
	b.unplaced = true
	for i := range b.tracks {
		b.tracks[i].away = b.tracks[i].seen && !b.set.Aside(i)
	}
}

// rejoin sets the correction of the time line by the first unit of the new publisher, and gives it to the track.
func (b *Builder) rejoin(track int, au *AU) {
	st, scale := &b.tracks[track], b.set.Tracks[track].Timescale
	if b.unplaced {
		b.unplaced = false
		b.jumpNS = b.returnNS(au) - ToNanos(au.PTS, scale)
	}
	if !st.seen {
		st.shiftTicks, st.epoch = FromNanos(b.jumpNS, scale), b.epoch
		return
	}
	b.join(track, au.DTS)
	hole := au.DTS + st.shiftTicks - st.lastTicks - max(b.nominal(track), st.deltaTicks)
	st.away, st.stood, st.lateTicks = false, false, 0
	st.gap.holeTicks, st.gap.by = max(hole, 0), GapSourceLost
}

// returnNS returns the place of the first unit of a new publisher on the time line, in ns: as far behind the newest unit
// of the lead track as the wall clock says. A wall clock that contradicts the arrival, because the sender dates its media
// otherwise than before, does not count.
func (b *Builder) returnNS(au *AU) int64 {
	lead := b.set.lead
	arrivedNS := au.MonoNS - ToNanos(b.tracks[lead].monoTicks, b.set.Tracks[lead].Timescale)
	passedNS := au.UTC - au.SteppedNS - (b.keptUTC - b.keptSteppedNS)
	if off := passedNS - arrivedNS; off > int64(b.cfg.MaxJump) || off < -int64(b.cfg.MaxJump) {
		passedNS = arrivedNS
	}
	return b.keptPTSNS + max(passedNS, 0)
}
