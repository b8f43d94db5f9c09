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
	b.MarkGap(Gap{Cause: cause, DurationNS: ns})
}

// aroundJump notes what is missing of the lead track where the sender's clock
// jumped, before an access unit that arrived at mono, in ticks. Arrival is not
// steady: without a loss that is known, a short silence is not a hole.
func (b *Builder) aroundJump(track int, mono int64) (told bool) {
	st := &b.tracks[track]
	if track != b.set.lead {
		return false
	}
	frame, step := max(b.nominal(track), st.deltaTicks), mono-st.monoTicks
	switch {
	case st.lost > 0 && step < frame: // faster than life: arrival tells nothing
		step = (st.lost + 1) * frame
	case st.lost == 0 && step-frame < st.jumpTicks/4:
		return false
	}
	st.gap.holeTicks = max(step-frame, 0)
	b.markMissing(ToNanos(step, b.set.Tracks[track].Timescale), st.lost > 0)
	st.gap.next = true
	return true
}

// leaveSet keeps what is needed of the set of tracks that ends.
func (b *Builder) leaveSet() {
	if b.set == nil {
		return
	}
	if st := &b.tracks[b.set.lead]; st.seen {
		b.keptMonoNS = ToNanos(st.monoTicks, b.set.Tracks[b.set.lead].Timescale)
		b.keptPaceNS = maxTime
		if st.pace.Known() {
			b.keptPaceNS = ToNanos(st.pace.Longest(), b.set.Tracks[b.set.lead].Timescale)
		}
	}
}

// arrived notes what is missing between two sets of tracks, before the first key
// frame of the second.
func (b *Builder) arrived(au *AU) {
	st, scale := &b.tracks[b.set.lead], b.set.Tracks[b.set.lead].Timescale
	if b.away {
		b.away = false
		steps := au.SteppedNS - b.keptSteppedNS
		b.MarkGap(Gap{Cause: GapSourceLost, DurationNS: max(au.UTC-b.keptUTC-steps, b.awayLeastNS)})
		return
	}
	ns := au.MonoNS - b.keptMonoNS
	if step := FromNanos(ns, scale); b.keptMonoNS != 0 && (step > st.stallTicks && ns > b.keptPaceNS || st.lost > 0 && step >= st.holeTicks) {
		b.markMissing(ns, st.lost > 0)
	}
}

// What is missing within a file is noted in the chunk of the access unit behind it:
// units that were lost on the way or that the builder left out, and a silence of one
// track that is unusual and a second long. It ends with that unit, and counts from
// where the one before would have ended.

// trackGap is what is missing of a track before the access unit at hand.
type trackGap struct {
	holeTicks int64 // ticks without media
	unusual   bool  // by the track's pace
	by        Cause // why units were lost on the way
	left      int   // units that the builder left out,
	bytes     int64 // of them,
	why       Cause // and why, of the first
	next      bool  // it was noted for the gap before the next file
}

// leaveOut counts an access unit that is left out within a file.
func (b *Builder) leaveOut(track int, size int, err error) {
	st := &b.tracks[track]
	if !b.started || !st.seen {
		return
	}
	if st.gap.left++; st.gap.left == 1 {
		st.gap.why = Cause(DropCauseOf(err))
	}
	st.gap.bytes += int64(size)
}

// missedWithin notes what is missing of a track before an access unit that is kept. Where
// a file begins with that unit for a gap, the gap before the file tells.
func (b *Builder) missedWithin(track int, au *AU, begins, cuts bool) {
	st := &b.tracks[track]
	g := Gap{Track: track + 1, Next: st.gap.next, AccessUnits: int(st.lost) + st.gap.left, Bytes: st.gap.bytes}
	switch {
	case st.lost > 0:
		g.Cause = GapRTPLoss
		if st.gap.by != "" {
			g.Cause = st.gap.by
		}
	case st.gap.left > 0:
		g.Cause = st.gap.why
	case st.gap.unusual && st.gap.holeTicks >= st.limits.holeTicks:
		g.Cause = GapStall
	}
	hole := st.gap.holeTicks
	st.gap = trackGap{}
	g.DurationNS = b.set.LifeNS(ToNanos(hole, b.set.Tracks[track].Timescale))
	switch {
	case g.None() || begins:
		return
	case cuts:
		if b.cur.holeNS = g.DurationNS; !g.Next { // too short to be noted for it
			b.cur.Gap = b.cur.Gap.Plus(Gap{Cause: g.Cause, DurationNS: g.DurationNS})
		}
		return
	}
	g.StartUTC = b.dating.of(b.cur, au) - g.DurationNS
	b.cur.NoteGap(g)
}

// leftAtEnd notes in the open chunk, the last one of a set of tracks, what was left out
// behind its newest access unit.
func (b *Builder) leftAtEnd() {
	for i := range b.tracks {
		st := &b.tracks[i]
		if st.gap.left > 0 {
			end := b.cur.UTC
			if lead := b.cur.Lead(); lead.Len() > 0 {
				end = b.cur.UTCAt(lead.Len() - 1)
			}
			b.cur.NoteGap(Gap{Cause: st.gap.why, StartUTC: end, Track: i + 1, AccessUnits: st.gap.left, Bytes: st.gap.bytes})
		}
		st.gap = trackGap{}
	}
}
