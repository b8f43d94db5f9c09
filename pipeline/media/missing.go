package media

// The builder measures a gap of the lead track from the last unit before the gap to the first unit after it.
// While the sender's clock runs on, media time gives the exact duration (step). Where the sender's clock
// jumped, the arrival times give it (aroundJump). Between two publishers, the wall clock gives it (arrived).

// markMissing records a gap of ns in the lead track; lost reports that packets were lost.
func (b *Builder) markMissing(ns int64, lost bool) {
	cause := GapStall
	if lost {
		cause = GapRTPLoss
	}
	b.MarkGap(Gap{Cause: cause, DurationNS: ns})
}

// aroundJump records the media missing from the lead track where the sender's clock jumped. mono is the
// arrival, in ticks, of the access unit after the jump. Arrival times vary, so a short silence without a known
// loss is no gap. It returns true if it recorded a gap.
func (b *Builder) aroundJump(track int, mono int64) (told bool) {
	st := &b.tracks[track]
	if track != b.set.lead {
		return false
	}
	frame, step := max(b.nominal(track), st.deltaTicks), mono-st.monoTicks
	switch {
	case st.lost > 0 && step < frame: // media arrives faster than real time, so arrival does not measure the gap
		step = (st.lost + 1) * frame
	case st.lost == 0 && step-frame < st.jumpTicks/4:
		return false
	}
	st.gap.holeTicks = max(step-frame, 0)
	b.markMissing(ToNanos(step, b.set.Tracks[track].Timescale), st.lost > 0)
	st.gap.next = true
	return true
}

// leaveSet saves the arrival time and the pace of the ending track set, which arrived needs.
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

// arrived records the media missing between two publishers, or between two track sets of one publisher. au is the
// first key frame of the new track set.
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

// Media missing within a file is recorded in the chunk with the first access unit after it. Missing are units
// lost on the way, units that the builder refused, and media of one track while it was silent for an unusual
// time of at least the flush interval. Such a gap begins at the end of the last unit before it and ends with
// the first unit after it.

// trackGap describes the media of a track that is missing before the current access unit.
type trackGap struct {
	holeTicks int64 // ticks without media
	unusual   bool  // the hole is longer than the track's usual interval; see Pace
	by        Cause // cause of the loss of units on the way
	left      int   // number of units that the builder refused
	bytes     int64 // bytes of these units
	why       Cause // cause of drops of the first of these units
	next      bool  // the value of Gap.Next
}

// leaveOut counts an access unit that the builder refused within a file.
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

// missedWithin records the media of a track that is missing before the access unit au. begins reports the
// track's first unit: nothing is missing before it. cuts reports that a gap makes au begin a file: the gap
// before that file then includes the missing media.
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
		if b.cur.holeNS = g.DurationNS; !g.Next { // the hole was too short for markMissing
			b.cur.Gap = b.cur.Gap.Plus(Gap{Cause: g.Cause, DurationNS: g.DurationNS})
		}
		return
	}
	g.StartUTC = b.dating.of(b.cur, au) - g.DurationNS
	b.cur.NoteGap(g)
}

// leftAtEnd records the units that were refused after a track's newest access unit. The open chunk, the last of
// its track set, lists them.
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
