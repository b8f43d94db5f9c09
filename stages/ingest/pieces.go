package ingest

import (
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

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
func (t *Track) part(u *Unit, p *piece) *Unit {
	w := t.feed.Take()
	w.PTS, w.DTS, w.UTC, w.Mono, w.Stepped = u.PTS, u.DTS, u.UTC, u.Mono, u.Stepped
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
	if w.Mono-t.prev.Mono > maxUnitAge && t.prev.over == "" {
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
	u := t.part(t.prev, &piece{from: t.tail, to: len(t.prev.ends)})
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
