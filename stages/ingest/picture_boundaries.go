package ingest

import (
	"slices"

	"github.com/gospool/spool/pipeline/codec/nalunit"
)

// piece is a part of a unit that belongs to one picture: the elements from index from up to, but without, index to.
type piece struct {
	from, to int
	rel      relation // of its first slice to the slice before
	slices   bool     // the piece has slices; without them its picture is unknown
	order    order
	stray    bool // the piece is a second field whose first field was lost
	damaged  bool
}

// relation relates a slice to the slice before it: both belong to one picture, or to the two fields of a frame, or
// the slice begins a new picture.
type relation uint8

const (
	samePicture relation = iota
	secondField          // the other field of the same frame
	newPicture
)

// divide sets pieces to the pieces of the pictures in unit u. An element that cannot follow a slice of the same picture
// belongs to the picture of the slice after it.
func (t *Track) divide(u *Unit) {
	t.pieces = append(t.pieces[:0], piece{})
	p, before := &t.pieces[0], -1
	for i, nal := range u.elements() {
		switch t.nal.Role(nal) {
		case nalunit.RolePicture, nalunit.RoleKey:
			h := t.heads.Read(nal)
			rel := t.relate(&h, u.PTS, u.missing(i))
			if at := p.begin(u, i, before); rel == newPicture && at > p.from {
				p.to = at
				t.pieces = append(t.pieces, piece{from: at})
				p = &t.pieces[len(t.pieces)-1]
			}
			began := p.slices
			if !began {
				p.slices, p.rel = true, rel
				p.stray = rel == newPicture && h.Field && u.missing(i) && t.paired && h.Bottom != t.bottom
			}
			t.follow(&h, rel, u.PTS, p.stray)
			if !began {
				p.order = order{t.epoch, h.POC, h.POCBits}
			}
			before = -1
			continue
		case nalunit.RoleSet:
			t.heads.Set(nal)
		case nalunit.RoleBroken:
			if p.slices && t.missed(nal, u.PTS) {
				u.hurtAt(i + 1)
			}
		}
		if before < 0 && t.nal.Begins(nal) {
			before = i
		}
	}
	p.to = len(u.ends)
	t.judge(u)
}

// missed reports whether a NAL unit of RoleBroken, which is left out, is a slice of the current picture. Some senders
// set forbidden_zero_bit in a slice that was damaged on its way (RFC 6184, 1.3).
func (t *Track) missed(nal []byte, pts int64) bool {
	if t.nal.BrokenSlice == nil || !t.nal.BrokenSlice(nal) {
		return false
	}
	h := t.heads.Read(nal)
	return h.OK && pts == t.lastPTSTicks && !h.Differs(&t.last)
}

// begin returns the index of the first element of the picture to which the slice with index i of unit u belongs. If
// piece p has no slice yet, that is the first element of p. Otherwise the elements between two slices may belong to
// either picture: before is the index of the first element, after the slices of p, that may belong to the later
// one; it is negative if no element may. Elements before missing data belong to the earlier picture.
func (p *piece) begin(u *Unit, i, before int) int {
	at := i
	switch {
	case !p.slices:
		at = p.from
	case before >= 0:
		at = before
	}
	if n, found := slices.BinarySearch(u.gaps, i); found {
		at = i
	} else if n > 0 {
		at = max(at, u.gaps[n-1])
	}
	return at
}

// relate returns the relation of a slice with header h and time pts to the newest slice. If a header cannot be read,
// slices with one time are one picture, as far as the types of the NAL units permit. If data is missing between the two
// slices, they are one picture only if their times are equal.
func (t *Track) relate(h *nalunit.SliceHeader, pts int64, missing bool) relation {
	b, oneTime := &t.last, pts == t.lastPTSTicks
	switch {
	case !t.any, missing && !oneTime:
		return newPicture
	case t.nal.FirstSaysSo:
		if h.First == 0 || missing && t.single > 0 { // single > 0: each picture so far was whole
			return newPicture
		}
		return samePicture
	case h.Partition && oneTime:
		return samePicture
	case !h.OK || !b.OK:
		if oneTime && h.Ref == b.Ref && h.IDR == b.IDR {
			return samePicture
		}
		return newPicture
	case h.Differs(b):
		if t.halfFrame && !missing && h.Completes(b) {
			return secondField
		}
		return newPicture
	case oneTime && !(h.StartsPlane() && t.planes>>h.Plane&1 == 1):
		return samePicture
	case !oneTime && h.First > b.First: // slices of one picture with different times
		return samePicture
	}
	return newPicture
}

// follow keeps the header of a slice as that of the newest slice, and updates the state of the slice's picture.
// stray reports that the slice belongs to a stray piece (see piece).
func (t *Track) follow(h *nalunit.SliceHeader, rel relation, pts int64, stray bool) {
	if h.Partition {
		return
	}
	switch rel {
	case newPicture:
		if h.IDR {
			t.epoch++
		}
		t.planes, t.halfFrame = 0, h.Field && !stray
	case secondField:
		t.planes, t.halfFrame = 0, false
		t.paired, t.bottom = true, !h.Bottom
	}
	if h.StartsPlane() {
		t.planes |= 1 << h.Plane
	}
	t.any, t.last, t.lastPTSTicks = true, *h, pts
}

// order is the position of a picture in presentation order.
type order struct {
	epoch   uint32 // number of IDR pictures so far: an IDR picture is presented after all pictures before it
	poc     uint32 // low bits of the picture order count
	pocBits uint8  // number of these bits; 0: the count is unknown
}

// before reports whether o is presented before p. came reports whether o arrived before p. If the order counts are
// unknown, pictures are presented in the order of arrival.
func (o order) before(p order, came bool) bool {
	switch {
	case o.epoch != p.epoch:
		return o.epoch < p.epoch
	case o.pocBits == 0 || o.pocBits != p.pocBits:
		return came
	}
	return int32((o.poc-p.poc)<<(32-o.pocBits)) < 0
}
