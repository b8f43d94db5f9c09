package ingest

// further gives times to the pictures of a unit behind its first one, of a track whose units have decoding times. So a PES
// packet of a transport stream may have several pictures; its times are those of the first one (ITU-T H.222.0, 2.4.3.7).
//
// The pictures wait for the next unit. Their decoding times divide the time up to it evenly. Their presentation times follow
// from the order counts: the counts and times of the first pictures of two units give the ticks of one count.
type further struct {
	held []furtherPicture // in decoding order; they follow the picture first

	first         firstPicture
	any           bool  // first is known
	pictures      int64 // number of pictures that begin in the unit of first
	intervalTicks int64 // newest distance of the decoding times of two pictures; 0: unknown

	countTicks, counts int64 // ticks of so many order counts; counts is 0 if unknown
}

// furtherPicture is a picture that waits for its times, or a piece behind one.
type furtherPicture struct {
	u      *Unit
	p      piece
	number int64 // of the picture in its unit, from 0
}

// firstPicture is a picture with its times.
type firstPicture struct {
	dts, pts int64
	order    order
}

// begins reports whether a picture begins with the piece.
func (p *piece) begins() bool { return p.slices && p.rel == newPicture }

// apart reports whether o is a picture with an order count that can be compared, and returns the difference.
func (o order) apart(p order) (counts int64, ok bool) {
	if o.epoch != p.epoch || o.pocBits == 0 || o.pocBits != p.pocBits {
		return 0, false
	}
	shift := 32 - o.pocBits
	return int64(int32((o.poc-p.poc)<<shift) >> shift), true
}

// meet takes the times of a unit that was divided into pieces. It passes on the held pictures, and returns the number of
// pieces of u that need not wait.
func (t *Track) meet(u *Unit) (ready int) {
	if t.cfg.DeriveDTS {
		return len(t.pieces)
	}
	ready = len(t.pieces)
	next, pictures := firstPicture{dts: u.DTS, pts: u.PTS}, int64(0)
	for i := range t.pieces {
		if !t.pieces[i].begins() {
			continue
		}
		if pictures++; pictures == 1 {
			next.order = t.pieces[i].order
		} else {
			ready = min(ready, i)
		}
	}
	f := &t.further
	if f.any {
		f.learn(&next)
	}
	t.passFurther(&next)
	if pictures > 0 {
		f.first, f.pictures, f.any = next, pictures, true
	}
	return ready
}

// learn takes the first picture of the unit behind f.first.
func (f *further) learn(next *firstPicture) {
	span := next.dts - f.first.dts
	known := f.intervalTicks > 0
	if span >= f.pictures && (!known || span <= 2*f.pictures*f.intervalTicks) {
		f.intervalTicks = span / f.pictures
	}
	const mostTicks = 1 << 32
	counts, ok := next.order.apart(f.first.order)
	if ticks := next.pts - f.first.pts; ok && counts != 0 && ticks/counts > 0 && ticks < mostTicks && ticks > -mostTicks {
		f.countTicks, f.counts = ticks, counts
	}
}

// wait holds a piece back until the next unit comes.
func (t *Track) wait(u *Unit, p *piece, number int64) {
	t.further.held = append(t.further.held, furtherPicture{u, *p, number})
}

// passFurther gives the held pictures their times, and passes them on. next is the first picture of the next unit; nil: none
// will come, or data is missing before it.
func (t *Track) passFurther(next *firstPicture) {
	f := &t.further
	if len(f.held) == 0 {
		return
	}
	span := f.intervalTicks * f.pictures
	if next != nil {
		if d := next.dts - f.first.dts; d >= f.pictures && (span == 0 || d <= 2*span) {
			span = d
		}
	}
	if span == 0 {
		span = int64(t.cfg.Timescale) / 25 * f.pictures
	}
	t.sharedTime(uint64(f.pictures - 1))
	held := f.held
	f.held = nil
	for i := range held {
		h := &held[i]
		h.u.DTS = f.first.dts + span*h.number/f.pictures
		h.u.PTS = f.present(h, next)
		t.add(h.u, &h.p)
		h.u = nil
	}
	f.held = held[:0]
	if cap(held) > keptPieces {
		f.held = nil
	}
}

// present returns the presentation time of a held picture, whose decoding time is set. Without order counts the picture is as
// far behind that as the first one.
func (f *further) present(h *furtherPicture, next *firstPicture) int64 {
	for _, at := range []*firstPicture{&f.first, next} {
		if at == nil || f.counts == 0 {
			continue
		}
		if counts, ok := h.p.order.apart(at.order); ok {
			return at.pts + counts*f.countTicks/f.counts
		}
	}
	return h.u.DTS + f.first.pts - f.first.dts
}
