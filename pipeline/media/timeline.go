package media

// trackState is the place of a track on the stream's time line.
type trackState struct {
	limits
	seen       bool  // the track has had an access unit
	rawTicks   int64 // last DTS as received
	lastTicks  int64 // last DTS as stored
	deltaTicks int64 // difference of the last two decoding times, except after stalls and losses
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
// Therefore lateTicks records the lateness.
func (b *Builder) timeline(track int, au *AU) (int64, error) {
	st := &b.tracks[track]
	scale := b.set.Tracks[track].Timescale
	mono := FromNanos(au.MonoNS, scale)
	told := false // the missing media is recorded already
	switch {
	case au.DTS > st.timeTicks || au.DTS < -st.timeTicks:
		return 0, ErrTimeRange
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
	switch {
	case dts > maxLine || dts < -maxLine:
		return 0, ErrTimeRange
	case st.seen && dts <= st.lastTicks:
		return 0, ErrTimeBack
	case st.seen:
		b.step(track, dts, mono, told)
	}
	st.seen, st.rawTicks, st.lastTicks, st.monoTicks = true, au.DTS, dts, mono
	return dts, nil
}

// step records the time from the last access unit of a track to the one at dts. If told is false, it also
// records the missing media.
func (b *Builder) step(track int, dts, mono int64, told bool) {
	st := &b.tracks[track]
	step := dts - st.lastTicks
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
		b.markMissing(ToNanos(step, b.set.Tracks[track].Timescale), st.lost > 0)
		st.gap.next = true
	}
	if !st.stood && st.lost == 0 {
		st.deltaTicks = step
	}
}

// jumped reports whether the sender's clock was reset before an access unit with the received decoding time
// raw.
func (st *trackState) jumped(raw, mono int64) bool {
	step := raw - st.rawTicks
	return step < -st.jumpTicks || st.ahead(step, mono-st.monoTicks)
}

// ahead reports whether a step in media time is longer than the time passed until arrival by more than MaxJump.
// If units are rare, the tolerance grows with their interval, because a sender's clock with a wrong rate is off
// by much from one unit to the next.
func (st *trackState) ahead(step, passed int64) bool {
	rate := max(passed, 0)
	if st.pace.Known() {
		rate = min(rate, st.pace.usual)
	}
	return step-passed-st.lateTicks > st.jumpTicks+rate
}

// isAhead reports whether another track has already reached the time raw to which this track would step. The
// step is then no jump but a hole in both tracks.
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

// undoJump sets the correction so that the track's time continues one frame after its last unit.
func (b *Builder) undoJump(track int, raw int64) {
	st := &b.tracks[track]
	st.shiftTicks = st.lastTicks + b.nominal(track) - raw
	b.jumpNS = ToNanos(st.shiftTicks, b.set.Tracks[track].Timescale)
	b.epoch++
	st.epoch = b.epoch
}

// follows reports whether an access unit is the first of its track after a jump that another track has made
// already. This is so if the correction of that jump puts the unit closer to its expected time than the track's
// present correction does.
func (b *Builder) follows(track int, raw, mono int64) bool {
	st := &b.tracks[track]
	joined := st.astray(raw+FromNanos(b.jumpNS, b.set.Tracks[track].Timescale), mono)
	return joined <= st.jumpTicks && joined < st.astray(raw+st.shiftTicks, mono)
}

// astray returns the distance, in ticks, of the time at from the range in which the track's next unit is
// expected: from the last unit to the last unit plus the time passed since its arrival.
func (st *trackState) astray(at, mono int64) int64 {
	return max(st.lastTicks-at, at-st.lastTicks-max(mono-st.monoTicks, 0), 0)
}

// join adopts the correction of a jump that another track has made. If this track's last unit is later than the
// corrected time of its next unit, the correction of all tracks that have made the jump grows until the unit
// fits.
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

// keyFrame sets the wall clock of a chunk that begins with a key frame.
func (d *dating) keyFrame(c *Chunk, au *AU) {
	d.set, d.steppedNS = c.Set, au.SteppedNS
	c.UTC, c.SteppedNS = au.UTC, au.SteppedNS
}

// goOn sets the wall clock of a chunk that begins within a GOP.
func (d *dating) goOn(c *Chunk, au *AU) {
	c.UTC, c.SteppedNS = d.of(c, au), au.SteppedNS
	if d.set == c.Set {
		c.SteppedNS = d.steppedNS
	}
}

// of returns the wall clock of an access unit, ns UTC, by the clock of its GOP.
func (d *dating) of(c *Chunk, au *AU) int64 {
	if d.set == c.Set {
		return au.UTC - au.SteppedNS + d.steppedNS
	}
	return au.UTC
}
