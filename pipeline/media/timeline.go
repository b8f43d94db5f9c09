package media

// trackState is the Builder's state of one track. From it, timeline computes the decoding time of the track's
// next access unit.
type trackState struct {
	limits
	seen       bool  // the track has had an access unit
	away       bool  // the track has had no unit since Rejoin
	rawTicks   int64 // last DTS as received
	lastTicks  int64 // last DTS as stored
	deltaTicks int64 // difference of the last two decoding times, except after stalls and losses
	givenTicks int64 // AU.DurationTicks of the last access unit
	pace       Pace
	stood      bool  // the last access unit came after a stall
	monoTicks  int64 // arrival of the last access unit
	lateTicks  int64 // time by which the last unit arrived later than the earliest units did; >= 0
	shiftTicks int64 // correction that is added to received decoding times
	epoch      int   // number of the jump for which shiftTicks corrects
	lost       int64 // approximate number of units lost on the way since the last kept unit
	gap        trackGap
}

// timeline returns the decoding time of an access unit, in ticks, on the stream's time line, which has no
// breaks.
//
// It compares media time with arrival time. If media time runs ahead of arrival by more than MaxJump, or steps
// back by as much, the sender's clock was reset. The unit is then placed one frame after its predecessor, and
// the same correction applies to the following units of all tracks, so that sound and picture stay together.
// Late access units are no reset: the network was slow, and a hole after them is media that the sender dropped.
// lateTicks records the lateness, so that units which catch up do not seem to run ahead of arrival.
//
// The error is ErrTimeRange or ErrTimeBack.
func (b *Builder) timeline(track int, au *AU) (int64, error) {
	st := &b.tracks[track]
	scale := b.set.Tracks[track].Timescale
	mono := FromNanos(au.MonoNS, scale)
	told := false     // the missing media is recorded already
	rejoined := false // the unit is the track's first after Rejoin
	switch {
	case au.DTS > st.timeTicks || au.DTS < -st.timeTicks:
		return 0, ErrTimeRange
	case b.set.Aside(track):
		st.shiftTicks = b.shiftAside(track, au.DTS, au.MonoNS)
	case st.away || b.unplaced:
		rejoined = st.seen
		b.rejoin(track, au)
	case !st.seen:
		st.shiftTicks, st.epoch = FromNanos(b.jumpNS, scale), b.epoch
	case st.epoch != b.epoch && b.follows(track, au.DTS, mono):
		told = b.aroundJump(track, mono)
		b.join(track, au.DTS)
	case st.jumped(au.DTS, mono) && !b.isAhead(track, au.DTS):
		b.MarkGap(Gap{Cause: GapTimestampJump})
		told = b.aroundJump(track, mono)
		b.undoJump(track, au.DTS)
		st.lateTicks, st.monoTicks = 0, mono
	}
	dts := au.DTS + st.shiftTicks
	if b.set.Aside(track) && st.seen {
		dts = max(dts, st.lastTicks+1) // documents of several sources need not come in order
	}
	switch {
	case dts > maxLine || dts < -maxLine:
		return 0, ErrTimeRange
	case st.seen && dts <= st.lastTicks:
		return 0, ErrTimeBack
	case st.seen && !rejoined:
		b.step(track, dts, mono, told)
	}
	st.seen, st.rawTicks, st.lastTicks, st.monoTicks = true, au.DTS, dts, mono
	return dts, nil
}

// shiftAside returns the correction for a unit of a track of metadata, which never corrects the other tracks. It is
// the last one of the track, or that of the other tracks, if the unit then lies near the lead track's newest one.
// Otherwise the sender's clock for metadata is another one, and the unit is placed by its arrival. raw is the unit's DTS
// as received, monoNS its arrival.
func (b *Builder) shiftAside(track int, raw, monoNS int64) int64 {
	st, lead, scale := &b.tracks[track], &b.tracks[b.set.lead], b.set.Tracks[track].Timescale
	others := FromNanos(b.jumpNS, scale)
	if !lead.seen {
		return others
	}
	leadScale := b.set.Tracks[b.set.lead].Timescale
	nowNS := ToNanos(lead.lastTicks, leadScale) + max(monoNS-ToNanos(lead.monoTicks, leadScale), 0)
	at := FromNanos(nowNS, scale)
	near := func(shift int64) bool { return raw+shift <= at+st.jumpTicks && raw+shift >= at-st.stallTicks }
	switch {
	case st.seen && near(st.shiftTicks):
		return st.shiftTicks
	case near(others):
		return others
	}
	return at - raw
}

// step updates the state of a track for an access unit with the decoding time dts and the arrival mono, both in
// ticks. It also records the media missing before that unit, unless told is true: aroundJump has then recorded
// it.
func (b *Builder) step(track int, dts, mono int64, told bool) {
	st := &b.tracks[track]
	step := dts - st.lastTicks
	if b.set.Aside(track) {
		st.deltaTicks = step
		return
	}
	frame := max(b.nominal(track), st.deltaTicks)
	if !told {
		st.gap.holeTicks = max(step-frame, 0)
	}
	ahead := st.ahead(step, mono-st.monoTicks) // ahead of arrival, because of a hole that another track has, too
	late := st.lateTicks + (mono - st.monoTicks) - step
	// The lateness decays slowly, because the clocks of sender and recorder drift apart. It has a bound, because
	// a sender that paused is not late.
	st.lateTicks = max(min(late-late>>12, 4*st.stallTicks), 0)
	unusual := ahead || !st.pace.See(step, dts, b.set.Tracks[track].Timescale)
	st.gap.unusual = unusual || told
	st.stood = unusual && step > st.stallTicks
	if track == b.set.lead && !told && (st.stood || st.lost > 0 && step-frame >= st.holeTicks) {
		b.markMissing(ToNanos(step, b.set.Tracks[track].Timescale))
		st.gap.next = true
	}
	if !st.stood && st.lost == 0 {
		st.deltaTicks = step
	}
}

// jumped reports whether the sender's clock was reset before the track's next access unit. raw is the unit's
// DTS as received, mono its arrival, both in ticks.
func (st *trackState) jumped(raw, mono int64) bool {
	step := raw - st.rawTicks
	return step < -st.jumpTicks || st.ahead(step, mono-st.monoTicks)
}

// ahead reports whether media time ran ahead of arrival by more than MaxJump since the track's last unit. step
// is the advance of media time, passed that of arrival time, both in ticks. A unit that only makes up for the
// lateness of the last unit is not ahead. If units are rare, the tolerance grows with their interval, because a
// sender's clock with a wrong rate is off by much from one unit to the next.
func (st *trackState) ahead(step, passed int64) bool {
	rate := max(passed, 0)
	if st.pace.Known() {
		rate = min(rate, st.pace.usual)
	}
	return step-passed-st.lateTicks > st.jumpTicks+rate
}

// isAhead reports whether another track has already reached the time to which a unit with the received DTS raw
// would move this track, give or take half of MaxJump. The step is then no jump of the sender's clock, but a
// hole in both tracks.
func (b *Builder) isAhead(track int, raw int64) bool {
	st, near := &b.tracks[track], int64(b.cfg.MaxJump)/2
	if raw < st.rawTicks {
		return false
	}
	at := ToNanos(raw+st.shiftTicks, b.set.Tracks[track].Timescale)
	for i := range b.tracks {
		other := ToNanos(b.tracks[i].lastTicks, b.set.Tracks[i].Timescale)
		if i != track && b.tracks[i].seen && other > at-near && other-near < at {
			return true
		}
	}
	return false
}

// undoJump sets the track's correction, shiftTicks, so that the unit with the received DTS raw follows the
// track's last unit by one frame. It also makes this the correction of the newest jump, which the other tracks
// adopt with join.
func (b *Builder) undoJump(track int, raw int64) {
	st := &b.tracks[track]
	st.shiftTicks = st.lastTicks + b.nominal(track) - raw
	b.jumpNS = ToNanos(st.shiftTicks, b.set.Tracks[track].Timescale)
	b.epoch++
	st.epoch = b.epoch
}

// follows reports whether an access unit is the first of its track after a jump of the sender's clock that
// another track has made already. raw is the unit's DTS as received, mono its arrival, both in ticks. The
// result is true if the correction of that jump puts the unit within MaxJump of its expected time, and closer
// to it than the track's present correction does.
func (b *Builder) follows(track int, raw, mono int64) bool {
	st := &b.tracks[track]
	joined := st.astray(raw+FromNanos(b.jumpNS, b.set.Tracks[track].Timescale), mono)
	return joined <= st.jumpTicks && joined < st.astray(raw+st.shiftTicks, mono)
}

// astray returns the distance, in ticks, of the decoding time at from the range in which the track's next unit
// is expected, and 0 inside that range. The range lasts from the last unit to the last unit plus the time from
// its arrival to mono, the arrival of the next unit.
func (st *trackState) astray(at, mono int64) int64 {
	return max(st.lastTicks-at, at-st.lastTicks-max(mono-st.monoTicks, 0), 0)
}

// join gives a track the correction of the jump that another track has made. raw is the received DTS of the
// track's first unit after the jump. If the corrected unit would not be later than the track's last unit, join
// increases the correction of all tracks that have made the jump, until the unit follows the last one by a
// frame.
func (b *Builder) join(track int, raw int64) {
	st, scale := &b.tracks[track], b.set.Tracks[track].Timescale
	st.epoch = b.epoch
	st.shiftTicks = FromNanos(b.jumpNS, scale)
	over := st.lastTicks - raw - st.shiftTicks
	if over < 0 {
		return
	}
	b.jumpNS += ToNanos(over+b.nominal(track), scale)
	for i := range b.tracks {
		if b.tracks[i].epoch == b.epoch {
			b.tracks[i].shiftTicks = FromNanos(b.jumpNS, b.set.Tracks[i].Timescale)
		}
	}
}

// dating determines the wall clock of a stream's chunks. A step of the wall clock takes effect at the next key
// frame, where a file can end. Until then chunks use the clock as it was at the last key frame.
type dating struct {
	set       *TrackSet // track set of the newest key frame; nil before the first
	steppedNS int64     // SteppedNS of the chunk with that key frame
}

// keyFrame sets the wall clock of the chunk c, which begins with the key frame au. The rest of the GOP keeps
// this clock, even if the wall clock is stepped.
func (d *dating) keyFrame(c *Chunk, au *AU) {
	d.set, d.steppedNS = c.Set, au.SteppedNS
	c.UTC, c.SteppedNS = au.UTC, au.SteppedNS
}

// goOn sets the wall clock of the chunk c, which begins with the access unit au within a GOP, by the clock of
// the GOP's key frame.
func (d *dating) goOn(c *Chunk, au *AU) {
	c.UTC, c.SteppedNS = d.of(c, au), au.SteppedNS
	if d.set == c.Set {
		c.SteppedNS = d.steppedNS
	}
}

// of returns the wall clock of the access unit au in the chunk c, ns UTC, by the clock as it was at the key
// frame of the unit's GOP.
func (d *dating) of(c *Chunk, au *AU) int64 {
	if d.set == c.Set {
		return au.UTC - au.SteppedNS + d.steppedNS
	}
	return au.UTC
}

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
