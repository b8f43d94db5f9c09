package media

// trackState is the place of a track on the time line.
type trackState struct {
	limits
	seen       bool
	rawTicks   int64 // last DTS as received
	lastTicks  int64 // last DTS as stored
	deltaTicks int64 // between the last two units, without stalls and losses
	pace       Pace
	stood      bool  // the last unit came after a stall
	monoTicks  int64 // arrival of the last access unit
	lateTicks  int64 // lateness of the last unit against the earliest; >= 0
	shiftTicks int64 // correction added to received times
	epoch      int   // number of the jump that shiftTicks corrects
	lost       int64 // approximate number of units lost on the way since the last kept unit
	gap        trackGap
}

// timeline returns the place of an access unit on the stream's unbroken time line.
//
// It compares media time with arrival time: when media time runs ahead of arrival by more than
// MaxJump, or steps back by as much, the sender's clock was reset. (Late access units mean a
// network that catches up, and a hole after them a sender that dropped what it could not send: the
// builder remembers the lateness.) The unit is then placed one frame after its predecessor, and the
// same correction applies to the following units, on all tracks, so that sound and picture stay
// together.
func (b *Builder) timeline(track int, au *AU) (int64, error) {
	st := &b.tracks[track]
	scale := b.set.Tracks[track].Timescale
	mono := FromNanos(au.MonoNS, scale)
	told := false // the missing media is recorded
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

// step records how far a track moves on, and the missing media if told is false.
func (b *Builder) step(track int, dts, mono int64, told bool) {
	st := &b.tracks[track]
	step := dts - st.lastTicks
	frame := max(b.nominal(track), st.deltaTicks)
	if !told {
		st.gap.holeTicks = max(step-frame, 0)
	}
	ahead := st.ahead(step, mono-st.monoTicks) // of a hole that another track has, too
	late := st.lateTicks + (mono - st.monoTicks) - step
	// It decays slowly, because clocks drift apart, and has a bound, because a sender that paused
	// is not late.
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

// jumped reports whether the sender's clock was reset before an access unit.
func (st *trackState) jumped(raw, mono int64) bool {
	step := raw - st.rawTicks
	return step < -st.jumpTicks || st.ahead(step, mono-st.monoTicks)
}

// ahead reports whether a step in media time is longer than the time that passed until arrival. If
// units are rare, a clock with a wrong rate is off by much from one to the next.
func (st *trackState) ahead(step, passed int64) bool {
	rate := max(passed, 0)
	if st.pace.Known() {
		rate = min(rate, st.pace.usual)
	}
	return step-passed-st.lateTicks > st.jumpTicks+rate
}

// isAhead reports whether another track has reached the time to which a track would step: then the
// apparent jump is a hole in both tracks.
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

// undoJump sets a track's shift so that its time continues without a break.
func (b *Builder) undoJump(track int, raw int64) {
	st := &b.tracks[track]
	st.shiftTicks = st.lastTicks + b.nominal(track) - raw
	b.jumpNS = ToNanos(st.shiftTicks, b.set.Tracks[track].Timescale)
	b.epoch++
	st.epoch = b.epoch
}

// follows reports whether an access unit is the first of its track after a jump that another track
// has made: with the correction of that jump it is closer to its expected time than with the
// track's present correction.
func (b *Builder) follows(track int, raw, mono int64) bool {
	st := &b.tracks[track]
	joined := st.astray(raw+FromNanos(b.jumpNS, b.set.Tracks[track].Timescale), mono)
	return joined <= st.jumpTicks && joined < st.astray(raw+st.shiftTicks, mono)
}

// astray returns the distance of a time from the expected time of the track's next unit: no earlier
// than the last unit, and later by at most the time that passed.
func (st *trackState) astray(at, mono int64) int64 {
	return max(st.lastTicks-at, at-st.lastTicks-max(mono-st.monoTicks, 0), 0)
}

// join adopts the correction of a jump that another track has made, to the tick. If this track was
// ahead of the other before the jump, all tracks after the jump move on together until this one
// fits, too.
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

// dating determines the wall clock of a stream's chunks. A step of the clock takes effect with the
// next GOP, where a file can end; until there chunks are dated by the clock of their GOP.
type dating struct {
	set       *TrackSet // track set of the newest key frame; nil before the first
	steppedNS int64     // Chunk.SteppedNS of its GOP
}

// keyFrame dates a chunk that begins a GOP with an access unit.
func (d *dating) keyFrame(c *Chunk, au *AU) {
	d.set, d.steppedNS = c.Set, au.SteppedNS
	c.UTC, c.SteppedNS = au.UTC, au.SteppedNS
}

// goOn dates a chunk within a GOP.
func (d *dating) goOn(c *Chunk, au *AU) {
	c.UTC, c.SteppedNS = d.of(c, au), au.SteppedNS
	if d.set == c.Set {
		c.SteppedNS = d.steppedNS
	}
}

// of returns the wall clock of an access unit of a chunk, ns, by the clock of its GOP.
func (d *dating) of(c *Chunk, au *AU) int64 {
	if d.set == c.Set {
		return au.UTC - au.SteppedNS + d.steppedNS
	}
	return au.UTC
}
