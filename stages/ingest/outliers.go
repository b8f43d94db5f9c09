package ingest

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// outliers finds pictures whose time does not fit between those of their neighbours: some senders give one picture in
// some dozens no time, or a random one. The next picture decides, so a picture that does not fit is held until the
// next one arrives:
//
//	a b X c    c fits behind b:  X is an outlier, and is placed between b and c
//	a b X Y    Y fits behind X:  the sender's clock was set, and both stay as they are
//	a b X Y    Y fits neither:   X is placed behind b, and Y is held
//
// A picture fits if it is later than all pictures that are presented before it and earlier than all that are
// presented after it, by the picture order count where the stream has one, and not later than the elapsed time and
// some pictures more allow. Within these limits times stay as they were sent, to the tick. The order counts only
// while it agrees with the times of most pictures; otherwise only a gross deviation makes an outlier.
//
// A clock that is set again and again, as by senders that start over at each key frame, is no longer followed: the
// time line continues. A clock that is set back by a little, too little for a jump downstream, is followed in small
// steps.
type outliers struct {
	second int64 // ticks
	held   *Unit // the picture that does not fit; nil: none
	base   timeline
	row    row
	shift  ClockShift // the clock jumps that are not followed

	jumps, setBack ClockJumps
	repaired       func()
}

const (
	jumpsFollowed = 2 // within jumpsWithin
	jumpMemory    = int64(time.Minute)
	orderMin      = 8 // pictures whose order must agree with their times
	minPOCBits    = 6 // with fewer, distant pictures would seem to be near
)

// The limits of a clock jump, in seconds.
const (
	GrossJump    = 2 // a time that is further off is always an outlier
	SmallestJump = 3 // a smaller jump back is not followed
)

// push takes a picture and passes on the pictures whose time is certain.
func (o *outliers) push(u *Unit, out func(*Unit)) {
	u.PTS += o.shift.Next(o.base.step)
	o.place(u)
	if held := o.held; held != nil {
		o.held = nil
		o.decide(held, u, out)
	}
	if o.base.n > 0 && !o.base.fits(timeOf(u), u.lost, o.second) {
		o.held = u
		return
	}
	o.base.add(timeOf(u))
	out(u)
}

// place sets a picture's number in presentation order. Among lost pictures there may have been a key picture, at
// which the order count started over: the time decides.
func (o *outliers) place(u *Unit) {
	before := o.row
	u.place = o.row.place(u.order)
	if u.lost == 0 && !u.sync || o.base.n == 0 || o.base.inOrder(timeOf(u), o.second) {
		return
	}
	by, anew := u.place, before.begin(u.order)
	if u.place = anew.at; o.base.inOrder(timeOf(u), o.second) {
		o.row = anew
		return
	}
	u.place = by
}

// flush passes on the held picture as an outlier: no next picture can decide.
func (o *outliers) flush(out func(*Unit)) {
	if u := o.held; u != nil {
		o.held = nil
		u.PTS = o.base.after(timeOf(u), o.second)
		o.repaired()
		o.base.add(timeOf(u))
		out(u)
	}
}

// decide passes on the held picture, by the next one.
func (o *outliers) decide(u, next *Unit, out func(*Unit)) {
	x, y := timeOf(u), timeOf(next)
	from := timeline{step: o.base.step, apart: o.base.apart, sure: o.base.trusted()}
	from.add(x)
	n := from.pictures(x, y)
	goesOn := from.fits(y, next.lost, o.second) && (x.pts != y.pts || n == 1 || n == -1)
	fits := o.base.fits(y, next.lost, o.second)
	inOrder := o.base.inOrder(x, o.second) && from.inOrder(y, o.second)
	far := x.pts > o.base.latest(x, u.lost, o.second)+GrossJump*o.second
	switch {
	case inOrder && goesOn && far, !inOrder && goesOn && !fits:
		o.follow(u, next, from)
	case inOrder && (goesOn || !far && (n == 1 || n > 1 && !o.base.onLine(y)) || o.base.alike(x, y)):
		o.base.add(x) // later than expected, and the next picture is late as well
	default:
		u.PTS = o.base.between(x, y, fits, o.second)
		o.repaired()
		o.base.add(timeOf(u))
	}
	out(u)
}

// follow continues where the sender's clock was set to, unless the clock is set too often.
func (o *outliers) follow(u, next *Unit, from timeline) {
	by := o.base.after(timeOf(u), o.second) - u.PTS
	small := by > 0 && by < SmallestJump*o.second
	if !small && o.jumps.Follow(u.Mono) {
		o.base = from
		return
	}
	o.shift.Add(by, small && (by <= 8*o.base.step && !u.sync || o.setBack.Follow(u.Mono)))
	u.PTS += by
	next.PTS += by
	o.repaired()
	o.base.add(timeOf(u))
}

// ClockShift is a correction, in ticks, of the times of a sender's clock that was set and is not followed: fixed
// stays, and going fades.
type ClockShift struct{ fixed, going int64 }

const goingShare = 8 // of a step fades with each unit

// Add adds ticks to the shift, which fade (goes) or stay.
func (s *ClockShift) Add(ticks int64, goes bool) {
	if goes {
		s.going += ticks
		return
	}
	s.fixed, s.going = s.fixed+s.going+ticks, 0
}

// Next returns the shift of the next unit, a step of ticks after the last.
func (s *ClockShift) Next(step int64) int64 {
	s.going -= min(s.going, step/goingShare)
	return s.Now()
}

// Now returns the shift of the newest unit.
func (s *ClockShift) Now() int64 { return s.fixed + s.going }

// ClockJumps counts how often a clock is set.
type ClockJumps struct {
	at [jumpsFollowed]int64 // ns, arrival of the newest jumps, a ring
	n  int
}

// Follow reports whether to follow a clock jump at an arrival, ns. It returns false while jumps keep coming, since
// each followed jump moves the track away from the others.
func (j *ClockJumps) Follow(mono int64) bool {
	at := &j.at[j.n%jumpsFollowed]
	often := j.n >= jumpsFollowed && mono-*at <= jumpMemory
	*at = mono
	j.n++
	return !often
}

// row numbers pictures in presentation order; the numbers never go back from one coded sequence to the next.
type row struct {
	any       bool
	last      order
	at, front int64 // numbers of the last picture and of the highest
}

// place returns the number of the next picture, by the low bits of its order count relative to the picture before.
// With no bits, or too few, pictures count as presented in the order of arrival.
func (r *row) place(o order) int64 {
	switch {
	case r.any && o.epoch == r.last.epoch && o.pocBits >= minPOCBits && o.pocBits == r.last.pocBits:
		r.at += int64(int32((o.poc-r.last.poc)<<(32-o.pocBits)) >> (32 - o.pocBits))
	default:
		*r = r.begin(o)
	}
	r.any, r.last, r.front = true, o, max(r.front, r.at)
	return r.at
}

// begin returns the row with a picture behind all others.
func (r row) begin(o order) row {
	at := r.front + 2 // the step of most encoders
	return row{true, o, at, at}
}

// timeline holds the newest pictures that fit together.
type timeline struct {
	seen  [maxDepth]timed // a ring
	n     int
	step  int64  // ticks from one picture to the next in presentation order; 0: unknown
	apart int64  // difference of their numbers; 0: unknown
	agree uint64 // a bit for each picture: its order agreed with its time
	sure  bool   // the order agrees
}

// timed holds a picture's presentation time in ticks, its arrival in ns, and its number in presentation order.
type timed struct{ pts, mono, place int64 }

func timeOf(u *Unit) timed { return timed{u.PTS, u.Mono, u.place} }

func (l *timeline) recent() []timed { return l.seen[:min(l.n, maxDepth)] }

func (l *timeline) last() timed { return l.seen[(l.n-1)%maxDepth] }

// front returns the latest time.
func (l *timeline) front() int64 {
	return slices.MaxFunc(l.recent(), func(a, b timed) int { return cmp.Compare(a.pts, b.pts) }).pts
}

// trusted reports whether the order of the pictures is reliable.
func (l *timeline) trusted() bool {
	n := min(l.n, 32)
	return l.sure || n >= orderMin && bits.OnesCount64(l.agree<<(64-n))*4 >= n*3
}

// add takes a picture that fits.
func (l *timeline) add(p timed) {
	if l.n > 0 {
		last := l.last()
		l.agree <<= 1
		if (p.place < last.place) == (p.pts < last.pts) {
			l.agree |= 1
		}
		if d := max(p.place-last.place, last.place-p.place); d > 0 && (l.apart == 0 || d < l.apart) {
			l.apart = d
		}
		if n := l.pictures(last, p); n != 0 && (p.pts-last.pts)/n > 0 {
			step := (p.pts - last.pts) / n
			l.step = max(step, l.step+(step-l.step)/8) // jitter and bursts must not shorten it
		}
	}
	l.seen[l.n%maxDepth] = p
	l.n++
}

// pictures returns the number of pictures by which p is presented after another one; negative: before it.
func (l *timeline) pictures(from, p timed) int64 {
	d := p.place - from.place
	if n := d / max(l.apart, 1); n != 0 || d == 0 {
		return n
	}
	return d / max(d, -d)
}

// fits reports whether a picture, before which some were lost, fits.
func (l *timeline) fits(p timed, lost int, second int64) bool {
	last := l.last()
	if !l.trusted() {
		late := media.FromNanos(max(p.mono-last.mono, 0), uint32(second))
		return p.pts-last.pts > -GrossJump*second && p.pts-last.pts < GrossJump*second+late
	}
	early := last.pts - GrossJump*second
	if n := l.pictures(last, p); n < 0 && l.step > 0 {
		early = last.pts + (n-3)*l.step
	}
	return l.inOrder(p, second) && p.pts >= early && p.pts <= l.latest(p, lost, second)
}

// inOrder reports whether a picture is in its place among its neighbours. Two pictures of one time are in order.
func (l *timeline) inOrder(p timed, second int64) bool {
	if !l.trusted() {
		return p.pts >= l.last().pts
	}
	near := second / nearest
	for _, r := range l.recent() {
		if p.place < r.place && p.pts > r.pts+near || p.place > r.place && p.pts < r.pts-near {
			return false
		}
	}
	return true
}

// latest returns the latest time at which a picture is expected.
func (l *timeline) latest(p timed, lost int, second int64) int64 {
	last := l.last()
	passed := media.FromNanos(max(p.mono-last.mono, 0), uint32(second))
	if l.step == 0 {
		return last.pts + GrossJump*second + passed
	}
	ahead := max(l.pictures(last, p), 1) + int64(lost)
	return last.pts + (ahead+1)*l.step + max(passed-l.step, 0)*9/8
}

// onLine reports whether a picture has the time that it would have if no picture were late.
func (l *timeline) onLine(p timed) bool {
	d := p.pts - l.last().pts - l.pictures(l.last(), p)*l.step
	return d >= -l.step && d <= l.step
}

// alike reports whether two pictures are late by the same measure: the sender's clock runs fast, or its picture
// interval has changed.
func (l *timeline) alike(x, y timed) bool {
	a, b := x.pts-l.last().pts, y.pts-x.pts
	passedA, passedB := x.mono-l.last().mono, y.mono-x.mono
	if a <= 0 || b <= 0 || passedA <= 0 || passedB <= 0 {
		return false
	}
	r := float64(a) / float64(passedA) * float64(passedB) / float64(b)
	return r > 0.5 && r < 2
}

// after returns the time of a picture by its number alone.
func (l *timeline) after(p timed, second int64) int64 {
	last := l.last()
	step := l.step
	if step == 0 {
		step = second / 25
	}
	at := last.pts + l.pictures(last, p)*step
	if passed := media.FromNanos(p.mono-last.mono, uint32(second)); passed > 3*step {
		at = max(at, last.pts+passed)
	}
	return l.clamp(p, at)
}

// clamp keeps a time between those of the pictures that are presented before and after.
func (l *timeline) clamp(p timed, at int64) int64 {
	for _, r := range l.recent() {
		if p.place < r.place {
			at = min(at, r.pts-1)
		}
	}
	for _, r := range l.recent() {
		if p.place > r.place {
			at = max(at, r.pts+1)
		}
	}
	return at
}

// between places a picture before the next one, if the next one fits.
func (l *timeline) between(x, next timed, fits bool, second int64) int64 {
	at := l.after(x, second)
	if !fits {
		return at
	}
	last := l.last()
	n, m := l.pictures(last, x), l.pictures(x, next)
	switch {
	case n > 0 && m > 0 && next.pts > last.pts: // presented in the order of arrival
		at = last.pts + (next.pts-last.pts)*n/(n+m)
	case m > 0:
		at = min(at, next.pts-1)
	case m < 0:
		at = max(at, next.pts+1)
	}
	return l.clamp(x, at)
}
