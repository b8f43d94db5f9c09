package ingest

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// outliers finds pictures whose time does not fit between the times of their neighbours: some senders give one picture
// in some dozens no time, or a random time. A picture that does not fit is held until the next picture,
// which decides:
//
//	a b X c    c fits after b:   X is an outlier, and is placed between b and c
//	a b X Y    Y fits after X:   X is late, or the sender's clock was set: both stay as they are
//	a b X Y    Y fits neither:   X is placed after b, and Y is held
//
// A picture fits if it is later than all pictures that are presented before it, earlier than all that are presented
// after it, and not later than the elapsed time and a few pictures more allow. The order of presentation is that of
// the picture order count, if the stream has one. It is used only while it agrees with the times of most pictures;
// otherwise only a gross deviation makes an outlier. A time that fits is changed only by shift.
//
// If the sender's clock is set again and again, as by a sender that starts over at each key frame, the times no longer
// follow it: later times are shifted, so that the time line continues. If the clock is set back by less than
// SmallestJump seconds, which the builder of the stream would not notice, the times follow it in small steps.
type outliers struct {
	secondTicks int64 // ticks a second
	held        *Unit // picture that does not fit; nil: none
	base        timeline
	row         pictureNumbers // numbers of the pictures in presentation order
	shift       ClockShift     // correction for the jumps of the clock that are not followed

	jumps, setBack ClockJumps // setBack counts the small jumps back, jumps the other ones
	repaired       func()     // counts an outlier
}

const (
	jumpsFollowed = 2                  // most jumps of the clock that are followed within jumpMemoryNS
	jumpMemoryNS  = int64(time.Minute) // time after which a jump no longer counts
	orderMin      = 8                  // least number of pictures by which the order of presentation is judged
	minPOCBits    = 6                  // fewer bits of the order count are not used: distant pictures would seem near
)

// The limits of a jump of the sender's clock, in seconds.
const (
	GrossJump    = 2 // a time that deviates by more from the expected one never fits
	SmallestJump = 3 // a smaller jump back is not followed at once
)

// push takes a picture, and calls out with each picture whose time is then certain.
func (o *outliers) push(u *Unit, out func(*Unit)) {
	u.PTS += o.shift.Next(o.base.stepTicks)
	o.place(u)
	if held := o.held; held != nil {
		o.held = nil
		o.decide(held, u, out)
	}
	if o.base.n > 0 && !o.base.fits(timeOf(u), u.lost, o.secondTicks) {
		o.held = u
		return
	}
	o.base.add(timeOf(u))
	out(u)
}

// place sets u.number, the number of picture u in presentation order. If pictures were lost before u, one of them
// may have been a key picture, at which the picture order count starts over. So place tries the number that the
// order count gives. If that number does not agree with the time of u, but the next number of a new sequence does,
// u gets the latter.
func (o *outliers) place(u *Unit) {
	before := o.row
	u.number = o.row.place(u.order)
	if u.lost == 0 && !u.sync || o.base.n == 0 || o.base.inOrder(timeOf(u), o.secondTicks) {
		return
	}
	by, anew := u.number, before.begin(u.order)
	if u.number = anew.at; o.base.inOrder(timeOf(u), o.secondTicks) {
		o.row = anew
		return
	}
	u.number = by
}

// flush corrects the time of the held picture as an outlier and calls out with it. It is called when no next
// picture comes.
func (o *outliers) flush(out func(*Unit)) {
	if u := o.held; u != nil {
		o.held = nil
		u.PTS = o.base.after(timeOf(u), o.secondTicks)
		o.repaired()
		o.base.add(timeOf(u))
		out(u)
	}
}

// decide decides whether the time of u is an outlier. u is the held picture, and next is the picture that arrived
// after it. decide corrects the time of u if it is an outlier, and calls out with u.
func (o *outliers) decide(u, next *Unit, out func(*Unit)) {
	x, y := timeOf(u), timeOf(next)
	from := timeline{stepTicks: o.base.stepTicks, stepNumbers: o.base.stepNumbers, sure: o.base.trusted()}
	from.add(x)
	n := from.pictures(x, y)
	goesOn := from.fits(y, next.lost, o.secondTicks) && (x.ptsTicks != y.ptsTicks || n == 1 || n == -1)
	fits := o.base.fits(y, next.lost, o.secondTicks)
	inOrder := o.base.inOrder(x, o.secondTicks) && from.inOrder(y, o.secondTicks)
	far := x.ptsTicks > o.base.latest(x, u.lost, o.secondTicks)+GrossJump*o.secondTicks
	switch {
	case inOrder && goesOn && far, !inOrder && goesOn && !fits:
		o.follow(u, next, from)
	case inOrder && (goesOn || !far && (n == 1 || n > 1 && !o.base.onLine(y)) || o.base.alike(x, y)):
		o.base.add(x) // the time of u is late, and so is that of the next picture
	default:
		u.PTS = o.base.between(x, y, fits, o.secondTicks)
		o.repaired()
		o.base.add(timeOf(u))
	}
	out(u)
}

// follow treats picture u as the first one after the sender's clock was set. Usually the times follow the clock:
// o.base becomes from, a timeline that has u only. If the clock is set too often, or back by little, follow instead
// shifts the times of u, of next and of all later pictures, so that the time line continues.
func (o *outliers) follow(u, next *Unit, from timeline) {
	by := o.base.after(timeOf(u), o.secondTicks) - u.PTS
	small := by > 0 && by < SmallestJump*o.secondTicks
	if !small && o.jumps.Follow(u.MonoNS) {
		o.base = from
		return
	}
	o.shift.Add(by, small && (by <= 8*o.base.stepTicks && !u.sync || o.setBack.Follow(u.MonoNS)))
	u.PTS += by
	next.PTS += by
	o.repaired()
	o.base.add(timeOf(u))
}

// ClockShift is a correction of a sender's times, in ticks, for jumps of its clock that are not followed. The fixed
// part stays; the fading part becomes smaller with each unit.
type ClockShift struct{ fixedTicks, fadingTicks int64 }

const fadingShare = 8 // 1/8 of the distance from one unit to the next fades with each unit

// Add adds ticks to the correction. If goes is set, the ticks fade: Add adds them to the fading part. Otherwise the
// correction becomes fixed: Add adds the ticks and the fading part to the fixed part.
func (s *ClockShift) Add(ticks int64, goes bool) {
	if goes {
		s.fadingTicks += ticks
		return
	}
	s.fixedTicks, s.fadingTicks = s.fixedTicks+s.fadingTicks+ticks, 0
}

// Next makes the fading part smaller, and returns the correction, in ticks, for the next unit. The next unit comes
// step ticks after the newest one.
func (s *ClockShift) Next(step int64) int64 {
	s.fadingTicks -= min(s.fadingTicks, step/fadingShare)
	return s.Now()
}

// Now returns the correction, in ticks, for the newest unit: the fixed and the fading part together.
func (s *ClockShift) Now() int64 { return s.fixedTicks + s.fadingTicks }

// ClockJumps counts the recent jumps of a clock.
type ClockJumps struct {
	atNS [jumpsFollowed]int64 // arrival of the newest jumps, a ring
	n    int
}

// Follow counts a jump of the clock at arrival mono, ns of the steady clock, and reports whether times follow the jump.
// It returns false if jumpsFollowed jumps came in the minute before, because each followed jump moves the track away
// from the other tracks.
func (j *ClockJumps) Follow(mono int64) bool {
	at := &j.atNS[j.n%jumpsFollowed]
	often := j.n >= jumpsFollowed && mono-*at <= jumpMemoryNS
	*at = mono
	j.n++
	return !often
}

// pictureNumbers numbers pictures in presentation order. The numbers go on from one coded sequence to the next.
type pictureNumbers struct {
	any       bool  // a picture has a number
	last      order // order of the newest picture
	at, front int64 // numbers of the newest picture and of the highest
}

// place returns the number of the next picture, whose order is o. It reads the low bits of the picture order count
// relative to those of the picture before. If there are too few bits, or if an IDR picture came in between, the picture
// is presented after all pictures before.
func (r *pictureNumbers) place(o order) int64 {
	switch {
	case r.any && o.epoch == r.last.epoch && o.pocBits >= minPOCBits && o.pocBits == r.last.pocBits:
		r.at += int64(int32((o.poc-r.last.poc)<<(32-o.pocBits)) >> (32 - o.pocBits))
	default:
		*r = r.begin(o)
	}
	r.any, r.last, r.front = true, o, max(r.front, r.at)
	return r.at
}

// begin returns r with a new sequence: the next picture, with order o, gets a number above the highest one, because
// it is presented after all pictures before it.
func (r pictureNumbers) begin(o order) pictureNumbers {
	at := r.front + 2 // most encoders advance by 2
	return pictureNumbers{true, o, at, at}
}

// timeline holds the times of the newest pictures whose times are certain: each fitted between its neighbours, as
// outliers defines that, or was confirmed by the next picture, or was corrected (see outliers.decide).
type timeline struct {
	seen        [maxDepth]timedPicture // a ring
	n           int                    // number of pictures so far
	stepTicks   int64                  // time from one picture to the next in presentation order; 0: unknown
	stepNumbers int64                  // difference between the numbers of two such pictures; 0: unknown
	agree       uint64                 // a bit for each picture, the newest lowest: its order agreed with its time
	sure        bool                   // trusted returns true, whatever agree holds
}

// timedPicture holds the presentation time of a picture, its arrival, and its number in presentation order.
type timedPicture struct{ ptsTicks, monoNS, number int64 }

func timeOf(u *Unit) timedPicture { return timedPicture{u.PTS, u.MonoNS, u.number} }

func (l *timeline) recent() []timedPicture { return l.seen[:min(l.n, maxDepth)] }

func (l *timeline) last() timedPicture { return l.seen[(l.n-1)%maxDepth] }

// front returns the highest presentation time.
func (l *timeline) front() int64 {
	return slices.MaxFunc(l.recent(), func(a, b timedPicture) int { return cmp.Compare(a.ptsTicks, b.ptsTicks) }).ptsTicks
}

// trusted reports whether the order of presentation agreed with the times of at least three quarters of the last 32
// pictures. If fewer than 32 pictures have come, it counts all of them; it returns false if fewer than orderMin
// have come.
func (l *timeline) trusted() bool {
	n := min(l.n, 32)
	return l.sure || n >= orderMin && bits.OnesCount64(l.agree<<(64-n))*4 >= n*3
}

// add adds a picture whose time is certain. The caller adds pictures in decoding order.
func (l *timeline) add(p timedPicture) {
	if l.n > 0 {
		last := l.last()
		l.agree <<= 1
		if (p.number < last.number) == (p.ptsTicks < last.ptsTicks) {
			l.agree |= 1
		}
		if d := max(p.number-last.number, last.number-p.number); d > 0 && (l.stepNumbers == 0 || d < l.stepNumbers) {
			l.stepNumbers = d
		}
		if n := l.pictures(last, p); n != 0 && (p.ptsTicks-last.ptsTicks)/n > 0 {
			step := (p.ptsTicks - last.ptsTicks) / n
			l.stepTicks = max(step, l.stepTicks+(step-l.stepTicks)/8) // a shorter step counts by an eighth: it may be jitter
		}
	}
	l.seen[l.n%maxDepth] = p
	l.n++
}

// pictures returns by how many pictures p is presented after from. The result is negative if p is presented before
// from, and 0 only if both have the same number.
func (l *timeline) pictures(from, p timedPicture) int64 {
	d := p.number - from.number
	if n := d / max(l.stepNumbers, 1); n != 0 || d == 0 {
		return n
	}
	return d / max(d, -d)
}

// fits reports whether the time of picture p fits the times in l, as outliers defines that. lost is the number of
// pictures lost before p. second is the number of ticks a second. l must have a picture.
func (l *timeline) fits(p timedPicture, lost int, second int64) bool {
	last := l.last()
	if !l.trusted() {
		late := media.FromNanos(max(p.monoNS-last.monoNS, 0), uint32(second))
		return p.ptsTicks-last.ptsTicks > -GrossJump*second && p.ptsTicks-last.ptsTicks < GrossJump*second+late
	}
	early := last.ptsTicks - GrossJump*second
	if n := l.pictures(last, p); n < 0 && l.stepTicks > 0 {
		early = last.ptsTicks + (n-3)*l.stepTicks
	}
	return l.inOrder(p, second) && p.ptsTicks >= early && p.ptsTicks <= l.latest(p, lost, second)
}

// inOrder reports whether the order of presentation of p and of the pictures in l agrees with their times. Times less
// than 1/2000 s apart agree with any order. If the order is not trusted, inOrder reports whether p is not earlier than
// the newest picture. second is the number of ticks a second.
func (l *timeline) inOrder(p timedPicture, second int64) bool {
	if !l.trusted() {
		return p.ptsTicks >= l.last().ptsTicks
	}
	near := second / nearest
	for _, r := range l.recent() {
		if p.number < r.number && p.ptsTicks > r.ptsTicks+near || p.number > r.number && p.ptsTicks < r.ptsTicks-near {
			return false
		}
	}
	return true
}

// latest returns the latest presentation time, in ticks, that fits picture p: see outliers. lost is the number of
// pictures lost before p. second is the number of ticks a second.
func (l *timeline) latest(p timedPicture, lost int, second int64) int64 {
	last := l.last()
	passed := media.FromNanos(max(p.monoNS-last.monoNS, 0), uint32(second))
	if l.stepTicks == 0 {
		return last.ptsTicks + GrossJump*second + passed
	}
	ahead := max(l.pictures(last, p), 1) + int64(lost)
	return last.ptsTicks + (ahead+1)*l.stepTicks + max(passed-l.stepTicks, 0)*9/8
}

// onLine reports whether the time of p differs by at most stepTicks from the time that its number in presentation
// order and the newest picture suggest.
func (l *timeline) onLine(p timedPicture) bool {
	d := p.ptsTicks - l.last().ptsTicks - l.pictures(l.last(), p)*l.stepTicks
	return d >= -l.stepTicks && d <= l.stepTicks
}

// alike reports whether the media time advances at a similar rate, relative to arrival, from the newest picture in
// l to x, and from x to y. y is the picture after x. If so, a late time of x shows that the sender's clock runs
// fast or that its picture interval changed.
func (l *timeline) alike(x, y timedPicture) bool {
	a, b := x.ptsTicks-l.last().ptsTicks, y.ptsTicks-x.ptsTicks
	passedA, passedB := x.monoNS-l.last().monoNS, y.monoNS-x.monoNS
	if a <= 0 || b <= 0 || passedA <= 0 || passedB <= 0 {
		return false
	}
	r := float64(a) / float64(passedA) * float64(passedB) / float64(b)
	return r > 0.5 && r < 2
}

// after returns the expected presentation time of p, by its number in presentation order and its arrival. It
// ignores the time with which p was sent. second is the number of ticks a second.
func (l *timeline) after(p timedPicture, second int64) int64 {
	last := l.last()
	step := l.stepTicks
	if step == 0 {
		step = second / 25
	}
	at := last.ptsTicks + l.pictures(last, p)*step
	if passed := media.FromNanos(p.monoNS-last.monoNS, uint32(second)); passed > 3*step {
		at = max(at, last.ptsTicks+passed)
	}
	return l.clamp(p, at)
}

// clamp returns the time at, moved as far as the order of presentation needs. The result is later than the times of
// the pictures in l that are presented before p. It is also earlier than the times of those presented after p,
// unless the two conditions contradict each other.
func (l *timeline) clamp(p timedPicture, at int64) int64 {
	for _, r := range l.recent() {
		if p.number < r.number {
			at = min(at, r.ptsTicks-1)
		}
	}
	for _, r := range l.recent() {
		if p.number > r.number {
			at = max(at, r.ptsTicks+1)
		}
	}
	return at
}

// between returns a corrected time for x, an outlier, by its number in presentation order. next is the picture
// after x in the order of arrival; fits reports whether the time of next fits. If it does, the result is before the
// time of next if x is presented before next, and after it otherwise. second is the number of ticks a second.
func (l *timeline) between(x, next timedPicture, fits bool, second int64) int64 {
	at := l.after(x, second)
	if !fits {
		return at
	}
	last := l.last()
	n, m := l.pictures(last, x), l.pictures(x, next)
	switch {
	case n > 0 && m > 0 && next.ptsTicks > last.ptsTicks: // x is presented after the newest picture and before next
		at = last.ptsTicks + (next.ptsTicks-last.ptsTicks)*n/(n+m)
	case m > 0:
		at = min(at, next.ptsTicks-1)
	case m < 0:
		at = max(at, next.ptsTicks+1)
	}
	return l.clamp(x, at)
}
