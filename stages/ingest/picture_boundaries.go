package ingest

import (
	"slices"

	"github.com/gospool/spool/pipeline/codec"
)

// piece is the range of a unit's NAL units that belong to one picture: from is the first, to is the one after the
// last.
type piece struct {
	from, to int
	rel      relation
	slices   bool // there are slices; without them the picture is unknown
	order    order
	stray    bool // a second field whose first field was lost
	damaged  bool
}

// relation describes the position of a slice relative to the slices before it.
type relation uint8

const (
	samePicture relation = iota
	secondField          // of the same frame
	newPicture
)

// divide finds where the pictures of a unit begin. Elements before a slice that can't follow a slice belong to the
// picture of that slice.
func (t *Track) divide(u *Unit) {
	t.pieces = append(t.pieces[:0], piece{})
	p, before := &t.pieces[0], -1
	for i, nal := range u.elements() {
		switch t.nal.Role(nal) {
		case codec.RolePicture, codec.RoleKey:
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
		case codec.RoleSet:
			t.heads.Set(nal)
		case codec.RoleBroken:
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

// missed reports whether a NAL unit that is left out is a slice of the current picture: a slice that was marked as
// damaged on its way (RFC 6184, 1.3).
func (t *Track) missed(nal []byte, pts int64) bool {
	if t.nal.BrokenSlice == nil || !t.nal.BrokenSlice(nal) {
		return false
	}
	h := t.heads.Read(nal)
	return h.OK && pts == t.lastPTSTicks && !h.Differs(&t.last)
}

// begin returns the element with which the picture of slice i begins. before is the first element that may belong to
// it, behind the slices of this piece. Elements in front of a loss belong to the picture before it.
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

// relate returns the relation of a slice to the newest one. If the headers can't be read, slices of one time form one
// picture, as far as the types of the NAL units permit. If data is missing between two slices, only an equal time
// makes them one picture.
func (t *Track) relate(h *codec.SliceHeader, pts int64, missing bool) relation {
	b, oneTime := &t.last, pts == t.lastPTSTicks
	switch {
	case !t.any, missing && !oneTime:
		return newPicture
	case t.nal.FirstSaysSo:
		if h.First == 0 || missing && t.single > 0 { // the picture before was whole, as all are
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
	case !oneTime && h.First > b.First: // one picture whose slices have different times
		return samePicture
	}
	return newPicture
}

// follow remembers a slice.
func (t *Track) follow(h *codec.SliceHeader, rel relation, pts int64, stray bool) {
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

// order is a picture's position in presentation order.
type order struct {
	epoch   uint32 // number of IDR pictures so far; an IDR is presented after all pictures before it
	poc     uint32 // the low bits of the picture order count
	pocBits uint8  // number of those bits; 0: unknown
}

// before reports whether a picture is presented before p, which arrived later or, with came, earlier. Without a count
// pictures are presented in the order of arrival.
func (o order) before(p order, came bool) bool {
	switch {
	case o.epoch != p.epoch:
		return o.epoch < p.epoch
	case o.pocBits == 0 || o.pocBits != p.pocBits:
		return came
	}
	return int32((o.poc-p.poc)<<(32-o.pocBits)) < 0
}
