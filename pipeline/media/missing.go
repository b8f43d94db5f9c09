package media

// What is missing is counted from the last unit of the lead track that was kept
// to the first one that is kept again. Media time tells it exactly while the
// sender's clock goes on (step). Where that jumped, arrival tells it (aroundJump),
// and from one publisher to the next the wall clock (arrived).

// markMissing notes a hole of so many ns.
func (b *Builder) markMissing(ns int64, lost bool) {
	cause := GapStall
	if lost {
		cause = GapRTPLoss
	}
	b.MarkGap(Gap{Cause: cause, Duration: ns})
}

// aroundJump notes what is missing of the lead track where the sender's clock
// jumped, before an access unit that arrived at mono, in ticks. Arrival is not
// steady: without a loss that is known, a short silence is not a hole.
func (b *Builder) aroundJump(track int, mono int64) (told bool) {
	st := &b.tracks[track]
	if track != b.set.lead {
		return false
	}
	frame, step := max(b.nominal(track), st.delta), mono-st.mono
	switch {
	case st.lost > 0 && step < frame: // faster than life: arrival tells nothing
		step = (st.lost + 1) * frame
	case st.lost == 0 && step-frame < st.jump/4:
		return false
	}
	st.gap.hole = max(step-frame, 0)
	b.markMissing(ToNanos(step, b.set.Tracks[track].Timescale), st.lost > 0)
	return true
}

// leaveSet keeps what is needed of the set of tracks that ends.
func (b *Builder) leaveSet() {
	if b.set == nil {
		return
	}
	if st := &b.tracks[b.set.lead]; st.seen {
		b.keptMono = ToNanos(st.mono, b.set.Tracks[b.set.lead].Timescale)
		b.keptPace = maxTime
		if st.pace.Known() {
			b.keptPace = ToNanos(st.pace.Longest(), b.set.Tracks[b.set.lead].Timescale)
		}
	}
}

// arrived notes what is missing between two sets of tracks, before the first key
// frame of the second.
func (b *Builder) arrived(au *AU) {
	st, scale := &b.tracks[b.set.lead], b.set.Tracks[b.set.lead].Timescale
	if b.away {
		b.away = false
		steps := au.Stepped - b.keptSteps
		b.MarkGap(Gap{Cause: GapSourceLost, Duration: max(au.UTC-b.keptUTC-steps, b.awayLeast)})
		return
	}
	ns := au.Mono - b.keptMono
	if step := FromNanos(ns, scale); b.keptMono != 0 && (step > st.stall && ns > b.keptPace || st.lost > 0 && step >= st.hole) {
		b.markMissing(ns, st.lost > 0)
	}
}
