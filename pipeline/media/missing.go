package media

// The builder measures a gap of the lead track from the last unit before it to the first unit after
// it. Media time gives its duration exactly while the sender's clock continues (step). If that
// clock jumped, arrival gives it (aroundJump), and from one publisher to the next the wall clock
// (arrived).

// markMissing records a gap of ns.
func (b *Builder) markMissing(ns int64, lost bool) {
	cause := GapStall
	if lost {
		cause = GapRTPLoss
	}
	b.MarkGap(Gap{Cause: cause, DurationNS: ns})
}

// aroundJump records the missing media of the lead track where the sender's clock jumped, before an
// access unit that arrived at mono, in ticks. Arrival is not steady: without a known loss, a short
// silence is no gap. It reports whether it recorded one.
func (b *Builder) aroundJump(track int, mono int64) (told bool) {
	st := &b.tracks[track]
	if track != b.set.lead {
		return false
	}
	frame, step := max(b.nominal(track), st.deltaTicks), mono-st.monoTicks
	switch {
	case st.lost > 0 && step < frame: // faster than real time: arrival is no measure
		step = (st.lost + 1) * frame
	case st.lost == 0 && step-frame < st.jumpTicks/4:
		return false
	}
	st.gap.holeTicks = max(step-frame, 0)
	b.markMissing(ToNanos(step, b.set.Tracks[track].Timescale), st.lost > 0)
	st.gap.next = true
	return true
}

// leaveSet keeps the times of the ending set of tracks that arrived needs.
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

// arrived records the missing media between two sets of tracks, before the first key frame of the
// second set.
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

// Missing media within a file is recorded in the chunk of the access unit after it: units lost on
// the way, units that the builder refused, and a silence of one track that is unusual and at least
// as long as the flush interval. Such a gap ends with that unit and begins at the end of the
// previous unit.

// trackGap describes the missing media of a track before the current access unit.
type trackGap struct {
	holeTicks int64 // ticks without media
	unusual   bool  // longer than usual by the track's pace
	by        Cause // cause of the units lost on the way
	left      int   // units that the builder refused
	bytes     int64 // bytes of the refused units
	why       Cause // cause of the first refused unit
	next      bool  // the gap before the next file reports it, too
}

// leaveOut counts an access unit refused within a file.
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

// missedWithin records the missing media of a track before an access unit that is kept. If that
// unit begins a file because of a gap, the gap before the file reports it instead.
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
		if b.cur.holeNS = g.DurationNS; !g.Next { // too short for the gap before the next file
			b.cur.Gap = b.cur.Gap.Plus(Gap{Cause: g.Cause, DurationNS: g.DurationNS})
		}
		return
	}
	g.StartUTC = b.dating.of(b.cur, au) - g.DurationNS
	b.cur.NoteGap(g)
}

// leftAtEnd records in the open chunk, the last of a set of tracks, the units refused after its
// newest access unit.
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
