package media

// trackState is where a track is on the time line. Times are ticks.
type trackState struct {
	limits
	seen       bool
	rawTicks   int64 // last DTS as it came
	lastTicks  int64 // last DTS as stored
	deltaTicks int64 // between the last two; a stall and a loss do not count
	pace       Pace
	stood      bool  // the last unit came behind a stall
	monoTicks  int64 // arrival of the last access unit
	lateTicks  int64 // how much later than the promptest the last one came; >= 0
	shiftTicks int64 // added to what comes
	epoch      int   // of the jump that shift belongs to
	lost       int64 // units that were lost on the way since the last one that was kept, about
	gap        trackGap
}

// timeline gives an access unit its place on the stream's unbroken time line.
//
// Arrival time is the witness: when media time runs ahead of it by more than
// MaxJump, or steps back by as much, the sender's clock was reset. (Late access
// units are a network catching up, and a hole after them a sender that dropped
// what it could not send: the lateness is remembered.) The unit is then placed
// one frame after its predecessor and the same correction holds for what
// follows, on the other tracks too, so that sound and picture stay together.
func (b *Builder) timeline(track int, au *AU) (int64, error) {
	st := &b.tracks[track]
	scale := b.set.Tracks[track].Timescale
	mono := FromNanos(au.MonoNS, scale)
	told := false // what is missing
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

// step notes how far a track moves on, and what is missing where that was not
// told.
func (b *Builder) step(track int, dts, mono int64, told bool) {
	st := &b.tracks[track]
	step := dts - st.lastTicks
	frame := max(b.nominal(track), st.deltaTicks)
	if !told {
		st.gap.holeTicks = max(step-frame, 0)
	}
	ahead := st.ahead(step, mono-st.monoTicks) // of a hole that another track has, too
	late := st.lateTicks + (mono - st.monoTicks) - step
	// It sinks slowly, as clocks drift apart, and has a bound, as a sender that
	// paused is not late.
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

// jumped tells whether the sender's clock was reset before an access unit.
func (st *trackState) jumped(raw, mono int64) bool {
	step := raw - st.rawTicks
	return step < -st.jumpTicks || st.ahead(step, mono-st.monoTicks)
}

// ahead tells whether a step in media time is longer than arrival has it. Where units
// are rare a clock of a wrong rate is off by much from one to the next.
func (st *trackState) ahead(step, passed int64) bool {
	rate := max(passed, 0)
	if st.pace.Known() {
		rate = min(rate, st.pace.usual)
	}
	return step-passed-st.lateTicks > st.jumpTicks+rate
}

// isAhead tells whether another track has already come to where a track would
// step to: what looks like a jump is then a hole in both, just as long as to be
// taken for a jump on one of them only.
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

// undoJump sets a track's shift so that its time goes on without a break.
func (b *Builder) undoJump(track int, raw int64) {
	st := &b.tracks[track]
	st.shiftTicks = st.lastTicks + b.nominal(track) - raw
	b.jumpNS = ToNanos(st.shiftTicks, b.set.Tracks[track].Timescale)
	b.epoch++
	st.epoch = b.epoch
}

// follows tells whether an access unit is the first of its track behind a jump
// that another track has made: the correction of that jump brings it closer to
// where it is expected than the one that the track has.
func (b *Builder) follows(track int, raw, mono int64) bool {
	st := &b.tracks[track]
	joined := st.astray(raw+FromNanos(b.jumpNS, b.set.Tracks[track].Timescale), mono)
	return joined <= st.jumpTicks && joined < st.astray(raw+st.shiftTicks, mono)
}

// astray is how far a time is from where the track's next one is expected: no
// earlier than the last one, no later than by the time that passed.
func (st *trackState) astray(at, mono int64) int64 {
	return max(st.lastTicks-at, at-st.lastTicks-max(mono-st.monoTicks, 0), 0)
}

// join takes over the correction of a jump that another track has made, to the
// tick. Where this track was ahead of that one before the jump, all tracks
// behind the jump move on together until this one fits too.
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

// dating tells the wall clock of a stream's chunks. A clock that is set shows in
// the next GOP: there a file can end, and up to there it is dated as it began.
type dating struct {
	set       *TrackSet // that the newest key frame is of; nil before the first
	steppedNS int64     // ns: Chunk.SteppedNS of its GOP
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

// of is the wall clock of an access unit of a chunk, ns: by the clock of its GOP.
func (d *dating) of(c *Chunk, au *AU) int64 {
	if d.set == c.Set {
		return au.UTC - au.SteppedNS + d.steppedNS
	}
	return au.UTC
}
