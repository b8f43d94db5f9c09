package ingest

import (
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// assembly makes whole pictures of a track's units, whatever the sender takes for
// one: it may end each slice as if it were a picture, or send several pictures
// under one time. A picture is told from the next one by the standard's rule. Two
// fields of one frame are one picture here, as they are one sample in a file.
//
// A picture is held until the next one begins. A sender that ends its pictures
// properly is found out soon, and its pictures are held no more.
type assembly struct {
	heads   codec.SliceReader
	merging bool  // pictures are held
	single  int64 // pictures in a row that came in one unit
	splits  bool  // the sender ends slices as if they were pictures
	prev    *Unit // the picture that is held; nil: none, or it has gone on
	slices  bool  // prev has some
	tail    int   // elements of prev from here on may be the next picture's; 0: none
	torn    bool  // something is missing before the next unit

	any       bool              // there was a slice:
	last      codec.SliceHeader // the newest,
	lastPTS   int64             // of the unit it came in
	epoch     uint32
	planes    uint8 // colour planes of which the first macroblock has come, as bits
	halfFrame bool  // the second field has not come yet
	paired    bool  // a frame came as two fields,
	bottom    bool  // the bottom one first

	pieces []piece // of the unit at hand
}

// keptPieces is the room for pieces that is kept for the next unit.
const keptPieces = 64

const neverSingle = -1 << 40 // of single: the sender splits, so go on merging

// piece is the elements of a unit that are of one picture.
type piece struct {
	from, to int
	rel      relation
	slices   bool // there are some; else nothing tells which picture it is of
	order    order
	stray    bool // a second field that has lost its first
	damaged  bool
}

// relation is how a slice stands to the slices before it.
type relation uint8

const (
	samePicture relation = iota
	secondField          // of the frame
	newPicture
)

// gather takes a unit in.
func (t *Track) gather(u *Unit) {
	if t.torn {
		u.hurtAt(0)
		t.torn = false
	}
	if u.Damaged || u.missing(0) {
		t.spoil()
	}
	if u.Damaged || len(u.ends) == 0 {
		if t.torn = u.Damaged || u.headLost; t.torn && u.over == "" { // else it has been counted
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
			w = t.part(u, &t.pieces[i])
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

// spoil leaves out the picture that is held where what is missing now may be of it.
func (t *Track) spoil() {
	if t.prev != nil && (t.halfFrame || t.splits) {
		t.prev.Damaged = true
	}
}

// divide finds where the pictures of a unit begin. What comes before a slice and
// can't come behind one is of that slice's picture.
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

// missed reports whether a NAL unit that is left out is a slice of the picture at
// hand: one that was marked for damage on its way (RFC 6184, 1.3).
func (t *Track) missed(nal []byte, pts int64) bool {
	if t.nal.BrokenSlice == nil || !t.nal.BrokenSlice(nal) {
		return false
	}
	h := t.heads.Read(nal)
	return h.OK && pts == t.lastPTS && !h.Differs(&t.last)
}

// begin returns the element with which the picture of slice i begins, where before is
// the first that may be its, behind the slices of this piece; what stands before
// something that is missing is of that.
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

// relate tells how a slice stands to the newest one. Where the headers can't be
// read one time is one picture, as far as the NAL units' types go with that. Where
// something is missing between them only one time makes them one.
func (t *Track) relate(h *codec.SliceHeader, pts int64, missing bool) relation {
	b, oneTime := &t.last, pts == t.lastPTS
	switch {
	case !t.any, missing && !oneTime:
		return newPicture
	case t.nal.FirstSaysSo:
		if h.First == 0 || missing && t.single > 0 { // the picture before came whole, as all do
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
	case !oneTime && h.First > b.First: // one picture whose slices were given times
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
	t.any, t.last, t.lastPTS = true, *h, pts
}

// order is where a picture is shown among others.
type order struct {
	epoch   uint32 // counts the IDR pictures, which are shown behind all before them
	poc     uint32 // the low bits of the picture order count
	pocBits uint8  // their number; 0: not known
}

// before compares with the order of another picture, which came later or earlier.
// Without a count pictures are shown as they come.
func (o order) before(p order, came bool) bool {
	switch {
	case o.epoch != p.epoch:
		return o.epoch < p.epoch
	case o.pocBits == 0 || o.pocBits != p.pocBits:
		return came
	}
	return int32((o.poc-p.poc)<<(32-o.pocBits)) < 0
}
