package media

// The builder measures a gap of the lead track from the last unit before the gap to the first unit after it.
// While the sender's clock runs on, media time gives the exact duration (step). Where the sender's clock
// jumped, the arrival times give it (aroundJump). Between two publishers, the wall clock gives it (arrived).

// markMissing records a gap of ns nanoseconds in the lead track with MarkGap. The cause is a loss of the network if units
// were lost, and else GapStall.
func (b *Builder) markMissing(ns int64) {
	st := &b.tracks[b.set.lead]
	cause := GapStall
	if st.lost > 0 {
		cause = GapRTPLoss
		if st.gap.by.OfNetwork() {
			cause = st.gap.by
		}
	}
	b.MarkGap(Gap{Cause: cause, DurationNS: ns})
}

// aroundJump records the media missing where the sender's clock jumped. It does so for the lead track only.
// mono is the arrival, in ticks, of the access unit after the jump. Arrival times vary, so a short silence
// without a known loss is no gap. told reports whether it recorded a gap.
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
	b.markMissing(ToNanos(step, b.set.Tracks[track].Timescale))
	st.gap.next = true
	return true
}

// leaveSet is called when a track set ends. It saves the arrival of the lead track's last unit and the longest
// usual step of the lead track. The method arrived compares the next track set with them.
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

// arrived records the media missing before au, the first key frame of a track set: the media since the previous
// publisher's last unit, or since the last unit of the same publisher's previous track set.
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
		b.markMissing(ns)
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
	by        Cause // cause of the loss of units on the way, or GapSourceLost after Rejoin
	left      int   // number of units that the builder refused
	bytes     int64 // bytes of these units
	why       Cause // cause of drops of the first of these units
	next      bool  // the value of Gap.Next
}

// leaveOut counts an access unit of size bytes that the builder refused with err, for the gap before the
// track's next unit. It does not count a unit before the track's first one, or before the first key frame.
func (b *Builder) leaveOut(track int, size int, err error) {
	st := &b.tracks[track]
	if !b.started || !st.seen || st.away {
		return
	}
	if st.gap.left++; st.gap.left == 1 {
		st.gap.why = Cause(DropCauseOf(err))
	}
	st.gap.bytes += int64(size)
}

// missedWithin records the media of a track that is missing before its access unit au. It records nothing if
// begins is true: au is then the track's first unit. If cuts is true, au begins a file because of a gap, and
// Chunk.Gap, which becomes the gap before that file, includes the missing media. Otherwise an entry of
// Chunk.Gaps reports it.
func (b *Builder) missedWithin(track int, au *AU, begins, cuts bool) {
	st := &b.tracks[track]
	if st.lost == 0 && st.gap.left == 0 && st.gap.by != GapSourceLost && !(st.gap.unusual && st.gap.holeTicks >= st.limits.holeTicks) {
		st.gap = trackGap{}
		return
	}
	g := Gap{Track: track + 1, Next: st.gap.next, AccessUnits: int(st.lost) + st.gap.left, Bytes: st.gap.bytes}
	switch {
	case st.gap.by == GapSourceLost:
		g.Cause = GapSourceLost
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

// leftAtEnd is called at the end of a track set. For each track whose newest units were refused, it adds a gap
// with their number to Chunk.Gaps of the open chunk, because no next unit will report them.
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
