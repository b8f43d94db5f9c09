package ingest

import (
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// assembly makes whole pictures from the units that a sender makes. A sender may end a unit after each slice, or
// send several pictures with one time. The rule of the standard decides where the next picture begins. Two fields
// of one frame are one picture here, as they are one sample in a file.
//
// A picture is held until the next one begins. Once a sender has proved that each of its units is a whole picture,
// pictures are no longer held.
type assembly struct {
	heads   codec.SliceReader
	merging bool  // pictures are held
	single  int64 // number of consecutive pictures that arrived as one unit each
	splits  bool  // the sender ends units after slices
	prev    *Unit // held picture; nil: none, or it was released
	slices  bool  // prev has slices
	tail    int   // element of prev from which on the elements may belong to the next picture; 0: none
	torn    bool  // data is missing before the next unit

	any          bool              // a slice has come
	last         codec.SliceHeader // newest slice
	lastPTSTicks int64             // time of the unit with the newest slice
	epoch        uint32
	planes       uint8 // bit set of the colour planes whose first macroblock has come
	halfFrame    bool  // the second field has not come yet
	paired       bool  // a frame came as two fields
	bottom       bool  // the bottom field came first

	pieces []piece // pieces of the current unit
}

// keptPieces is the number of pieces whose memory is kept for the next unit.
const keptPieces = 64

const neverSingle = -1 << 40 // value of single if the sender ends units after slices: pictures stay held

// gather divides a unit into pieces of pictures and adds them to the held picture or to new ones.
func (t *Track) gather(u *Unit) {
	if t.torn {
		u.hurtAt(0)
		t.torn = false
	}
	if u.Damaged || u.missing(0) {
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
	for i := range t.pieces {
		w := u
		if len(t.pieces) > 1 {
			w = t.unitOf(u, &t.pieces[i])
		}
		t.add(w, &t.pieces[i])
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

// spoil marks the held picture as damaged if the missing data may belong to it.
func (t *Track) spoil() {
	if t.prev != nil && (t.halfFrame || t.splits) {
		t.prev.Damaged = true
	}
}

// judge marks the pieces of a unit in which data is missing, and counts a loss before the first one.
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

// startsPicture reports whether a piece has all the elements that precede its slices, as far as that can be told.
// If so, data missing before the piece belongs to another picture.
func (t *Track) startsPicture(u *Unit, p *piece) bool {
	for i := p.from; i < p.to; i++ {
		nal := u.element(i)
		switch t.nal.Role(nal) {
		case codec.RolePicture, codec.RoleKey:
			return t.nal.StartsPicture(nal)
		case codec.RoleLayer: // a prefix NAL unit precedes every slice
			continue
		}
		if t.nal.Begins(nal) {
			return true
		}
	}
	return true
}

// unitOf returns a new unit with copies of the elements of a piece.
func (t *Track) unitOf(u *Unit, p *piece) *Unit {
	w := t.feed.Take()
	w.PTS, w.DTS, w.UTC, w.MonoNS, w.SteppedNS = u.PTS, u.DTS, u.UTC, u.MonoNS, u.SteppedNS
	w.take(u, p.from, p.to)
	t.count(w)
	return w
}

// add adds a piece, as a unit of its own, to the held picture, or begins a new picture with it.
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

// rest leaves out a piece of a picture that was released already. From now on pictures are held.
func (t *Track) rest(w *Unit) {
	if w.Damaged {
		t.lose(w, media.DropDamaged)
		return
	}
	t.lose(w, media.DropSplit)
	t.merging, t.single, t.splits = true, neverSingle, true
}

// withTail moves the elements after the slices of the held picture, which belong to the next picture, to a new unit
// and joins w, the next picture, to them. It returns the new unit.
func (t *Track) withTail(w *Unit) *Unit {
	u := t.unitOf(t.prev, &piece{from: t.tail, to: len(t.prev.ends)})
	t.prev.cut(t.tail)
	u.order = w.order
	u.join(w)
	t.feed.Put(w)
	t.count(u)
	return u
}

// release ends the held picture: accept takes a whole one, and a damaged one is left out.
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
