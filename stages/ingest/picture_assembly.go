package ingest

import (
	"slices"

	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/media"
)

// assembly makes whole pictures from the units that a sender makes. A sender may end a unit after each slice, or
// send several pictures with one time. The rule of the standard decides where the next picture begins. Two fields
// of one frame are one picture here, as they are one sample in a file.
//
// A picture is held until the next one begins. Once a sender has proved that each of its units is a whole picture,
// pictures are no longer held.
type assembly struct {
	heads   nalunit.SliceReader
	merging bool  // each picture is held until the next one begins
	single  int64 // number of consecutive pictures that arrived as one unit each
	splits  bool  // the sender ends units after slices
	prev    *Unit // held picture; nil: none, or it was released
	slices  bool  // prev has slices
	tail    int   // element of prev from which on the elements may belong to the next picture; 0: none
	torn    bool  // data is missing between the newest unit and the next one

	any          bool                // a slice has come
	last         nalunit.SliceHeader // newest slice
	lastPTSTicks int64               // time of the unit with the newest slice
	epoch        uint32              // number of IDR pictures so far
	planes       uint8               // bit set of the colour planes whose first macroblock has come
	halfFrame    bool                // the newest picture is a field, and the second field of its frame has not come yet
	paired       bool                // a frame came as two fields
	bottom       bool                // the bottom field of the newest such frame came first

	pieces  []piece // pieces of the current unit
	further further
}

// keptPieces is the largest capacity of assembly.pieces that is kept for the next unit.
const keptPieces = 64

const neverSingle = -1 << 40 // value of single after a picture that came in several units: pictures stay held

// setSyntax sets the functions that read the track's NAL units. n is nil for a codec without NAL units.
func (t *Track) setSyntax(n *nalunit.Syntax) {
	t.nal, t.sets.nal, t.merging = n, n, n != nil
	if n != nil {
		t.heads = n.NewSliceReader()
	}
}

// gather takes over a unit, divides it into pieces (see piece), and adds each piece to the held picture or to a new
// one. It leaves out a damaged unit.
func (t *Track) gather(u *Unit) {
	if t.torn {
		u.hurtAt(0)
		t.torn = false
	}
	if u.Damaged || u.missing(0) {
		t.passFurther(nil)
		t.spoil()
	}
	if u.Damaged || len(u.ends) == 0 {
		if t.torn = u.Damaged || u.headLost; t.torn && u.over == "" { // a refused unit has been counted
			t.Lost(media.DropDamaged, 1)
		}
		u.Damaged = t.torn
		t.leave(u)
		return
	}
	t.divide(u)
	ready, number := t.meet(u), int64(0)
	for i := range t.pieces {
		w, p := u, &t.pieces[i]
		if len(t.pieces) > 1 {
			w = t.unitOf(u, p)
		}
		if i < ready {
			t.add(w, p)
			continue
		}
		if p.begins() {
			number++
		}
		t.wait(w, p, number)
	}
	if len(t.pieces) > 1 {
		t.feed.Put(u)
	}
	if cap(t.pieces) > keptPieces {
		t.pieces = nil
	}
	if !t.merging && t.slices {
		t.release()
	}
}

// spoil marks the held picture as damaged if data that is missing after it may belong to it: if it is the first
// field of a frame, or if the sender ends units after slices.
func (t *Track) spoil() {
	if t.prev != nil && (t.halfFrame || t.splits) {
		t.prev.Damaged = true
	}
}

// judge marks as damaged the pieces of unit u in which data is missing. If u lacks its first element, and the first
// piece is not damaged, that element belonged to another picture: judge then counts a damaged picture.
func (t *Track) judge(u *Unit) {
	for i := range t.pieces {
		p := &t.pieces[i]
		n, at := slices.BinarySearch(u.gaps, p.from)
		if at {
			n++
		}
		within := n < len(u.gaps) && u.gaps[n] <= p.to
		p.damaged = p.damaged || p.stray || within || at && !t.startsPicture(u, p)
	}
	if u.headLost && !t.pieces[0].damaged {
		t.Lost(media.DropDamaged, 1)
	}
}

// startsPicture reports whether a piece of unit u has the beginning of its picture, as far as that can be told: the
// first slice, or an element that precedes it. If so, data missing before the piece belongs to another picture.
func (t *Track) startsPicture(u *Unit, p *piece) bool {
	for i := p.from; i < p.to; i++ {
		nal := u.element(i)
		switch t.nal.Role(nal) {
		case nalunit.RolePicture, nalunit.RoleKey:
			return t.nal.StartsPicture(nal)
		case nalunit.RoleLayer: // a prefix NAL unit may precede any slice
			continue
		}
		if t.nal.Begins(nal) {
			return true
		}
	}
	return true
}

// unitOf returns a new unit with the times and the arrival of u, and with copies of the elements of a piece of u.
func (t *Track) unitOf(u *Unit, p *piece) *Unit {
	w := t.feed.Take()
	w.PTS, w.DTS, w.UTC, w.MonoNS, w.SteppedNS = u.PTS, u.DTS, u.UTC, u.MonoNS, u.SteppedNS
	w.take(u, p.from, p.to)
	t.count(w)
	return w
}

// add takes over w, a unit with the elements of piece p only. It joins w to the held picture, or begins a new picture
// with it.
func (t *Track) add(w *Unit, p *piece) {
	if w.over != "" {
		t.leave(w)
		return
	}
	if p.damaged && !p.slices {
		t.lose(w, media.DropDamaged)
		return
	}
	w.Damaged = p.damaged
	w.order = p.order
	prev := t.prev
	oneTime := prev != nil && prev.PTS == w.PTS
	switch {
	case prev == nil && p.slices && p.rel != newPicture: // the rest of its picture was released
		t.rest(w)
	case prev == nil:
		t.hold(w, p.slices)
	case oneTime && !t.slices: // prev has only parameter sets and the like
		prev.order = w.order
		t.join(w)
		t.slices = p.slices
	case oneTime && !p.slices:
		if t.tail == 0 {
			t.tail = len(prev.ends)
		}
		t.join(w)
		t.single = neverSingle
	case p.slices && p.rel != newPicture && t.slices:
		if p.rel == samePicture {
			t.single, t.splits = neverSingle, true
		}
		t.join(w)
	default:
		if oneTime && t.tail > 0 {
			w = t.withTail(w)
		}
		t.release()
		if t.single++; t.single >= guessWindow && (t.desc == nil || !t.desc.Fields) {
			t.merging = false
		}
		t.hold(w, p.slices)
	}
}

func (t *Track) hold(w *Unit, slices bool) {
	t.mark(w)
	t.prev, t.slices, t.tail = w, slices, 0
}

func (t *Track) join(w *Unit) {
	t.prev.join(w)
	if w.MonoNS-t.prev.MonoNS > maxUnitAgeNS && t.prev.over == "" {
		t.prev.refuse(media.DropEndlessPicture)
	}
	t.feed.Put(w)
	if t.count(t.prev); t.prev.over != "" {
		t.tail = 0
	}
}

// rest leaves out w, a piece of a picture that was released already. Unless w is damaged, the picture was released too
// early, so from now on each picture is held until the next one begins.
func (t *Track) rest(w *Unit) {
	if w.Damaged {
		t.lose(w, media.DropDamaged)
		return
	}
	t.lose(w, media.DropSplit)
	t.merging, t.single, t.splits = true, neverSingle, true
}

// withTail moves the elements from t.tail on from the held picture to a new unit, because they belong to the next
// picture. It appends the elements of w to the new unit, and returns w to the pool.
func (t *Track) withTail(w *Unit) *Unit {
	u := t.unitOf(t.prev, &piece{from: t.tail, to: len(t.prev.ends)})
	t.prev.cut(t.tail)
	u.order = w.order
	u.join(w)
	t.feed.Put(w)
	t.count(u)
	return u
}

// release ends the held picture. It passes a whole picture to accept, and leaves a damaged picture out. It does
// nothing if no picture is held.
func (t *Track) release() {
	u := t.prev
	t.prev, t.slices, t.tail = nil, false, 0
	switch {
	case u == nil:
	case u.over != "":
		t.leave(u)
	case u.Damaged:
		t.lose(u, media.DropDamaged)
	default:
		t.accept(u)
	}
}
