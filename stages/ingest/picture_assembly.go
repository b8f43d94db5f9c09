package ingest

import (
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// assembly makes whole pictures of a track's units, however the sender divides them: a sender may end each slice as
// if it were a picture, or send several pictures under one time. The standard's rule decides where the next picture
// begins. Two fields of one frame are one picture here, as they are one sample in a file.
//
// A picture is held until the next one begins. Once a sender has proved to end its pictures properly, its pictures
// are no longer held.
type assembly struct {
	heads   codec.SliceReader
	merging bool  // pictures are held
	single  int64 // pictures in a row that arrived in one unit
	splits  bool  // the sender ends slices as if they were pictures
	prev    *Unit // the held picture; nil: none, or it was passed on
	slices  bool  // prev has slices
	tail    int   // elements of prev from here on may belong to the next picture; 0: none
	torn    bool  // data is missing before the next unit

	any          bool              // there was a slice
	last         codec.SliceHeader // the newest slice
	lastPTSTicks int64             // of the unit of the newest slice
	epoch        uint32
	planes       uint8 // colour planes whose first macroblock has arrived, as bits
	halfFrame    bool  // the second field has not arrived yet
	paired       bool  // a frame arrived as two fields
	bottom       bool  // the bottom field was first

	pieces []piece // of the current unit
}

// keptPieces is the number of pieces whose memory is reused for the next unit.
const keptPieces = 64

const neverSingle = -1 << 40 // of single: the sender splits, so merging continues

// gather takes a unit.
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

// spoil leaves out the held picture if the missing data may belong to it.
func (t *Track) spoil() {
	if t.prev != nil && (t.halfFrame || t.splits) {
		t.prev.Damaged = true
	}
}

// judge finds the pieces in which data is missing, and counts the missing data.
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

// startsPicture reports whether a piece has all elements that precede its slices, as far as they are known: the data
// missing before it belongs to another picture.
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

// part makes a unit of a piece.
func (t *Track) unitOf(u *Unit, p *piece) *Unit {
	w := t.feed.Take()
	w.PTS, w.DTS, w.UTC, w.MonoNS, w.SteppedNS = u.PTS, u.DTS, u.UTC, u.MonoNS, u.SteppedNS
	w.take(u, p.from, p.to)
	t.count(w)
	return w
}

// add adds a piece to the held picture, or makes it a picture of its own.
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
	case prev == nil && p.slices && p.rel != newPicture: // the picture was passed on without this piece
		t.rest(w)
	case prev == nil:
		t.hold(w, p.slices)
	case oneTime && !t.slices: // parameter sets and the like, sent as if they were a picture
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

// rest leaves out a piece of a picture that was passed on; from now on pictures are held.
func (t *Track) rest(w *Unit) {
	if w.Damaged {
		t.lose(w, media.DropDamaged)
		return
	}
	t.lose(w, media.DropSplit)
	t.merging, t.single, t.splits = true, neverSingle, true
}

// withTail moves the elements behind the slices of the held picture that belong to the next picture into that
// picture.
func (t *Track) withTail(w *Unit) *Unit {
	u := t.unitOf(t.prev, &piece{from: t.tail, to: len(t.prev.ends)})
	t.prev.cut(t.tail)
	u.order = w.order
	u.join(w)
	t.feed.Put(w)
	t.count(u)
	return u
}

// release passes on the held picture.
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
