package media

// timeline gives an access unit its place on the stream's unbroken time line.
//
// Arrival time is the witness: when media time steps further than arrival time
// by more than MaxJump, or steps back by as much, the sender's clock was reset.
// (A step that is shorter than the time that passed is a network catching up.)
// The unit is then placed one frame after its predecessor and the same
// correction holds for what follows, on the other tracks too, so that sound and
// picture stay together.
func (b *Builder) timeline(track int, au *AU) (int64, error) {
	st := &b.tracks[track]
	scale := b.set.Tracks[track].Timescale
	if !st.seen {
		st.shift = FromNanos(b.jump, scale)
		dts := au.DTS + st.shift
		st.seen, st.raw, st.last, st.mono = true, au.DTS, dts, au.Mono
		return dts, nil
	}
	step := au.DTS - st.raw
	if step == 0 {
		return 0, ErrTimeBack
	}
	ahead := ToNanos(step, scale) - (au.Mono - st.mono)
	jumped := ahead > int64(b.cfg.MaxJump) || ToNanos(step, scale) < -int64(b.cfg.MaxJump)
	if jumped {
		b.undoJump(track, au)
	}
	dts := au.DTS + st.shift
	if dts <= st.last {
		return 0, ErrTimeBack
	}
	switch stalled := dts-st.last > FromNanos(int64(b.cfg.MaxStall), scale); {
	case !stalled:
		st.delta = dts - st.last
	case track == b.set.lead && b.gap.None():
		b.gap = Gap{Cause: GapStall, Duration: ToNanos(step, scale)}
	}
	st.raw, st.last, st.mono = au.DTS, dts, au.Mono
	return dts, nil
}

// undoJump sets a track's shift so that its time goes on without a break.
func (b *Builder) undoJump(track int, au *AU) {
	st, scale := &b.tracks[track], b.set.Tracks[track].Timescale
	want := st.last + b.nominal(track)
	st.shift = want - au.DTS
	// Another track jumped by as much a moment ago: take its correction to the
	// tick, or sound and picture would drift by the frames' rounding.
	if shared := FromNanos(b.jump, scale); b.jump != 0 {
		if d := au.DTS + shared - want; d > -int64(scale) && d < int64(scale) && au.DTS+shared > st.last {
			st.shift = shared
			return
		}
	}
	b.jump = ToNanos(st.shift, scale)
	b.gap = Gap{Cause: GapTimestampJump}
}
