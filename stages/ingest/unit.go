package ingest

import (
	"bytes"
	"slices"

	"github.com/gospool/spool/pipeline/media"
)

// maxElements bounds the NAL units of a picture, or of several under one time: each
// costs memory beyond its bytes. No level of H.264 or H.265 has near so many slices
// in what a camera sends.
const maxElements = 1 << 14

// Unit is one access unit on its way into a Feed: its NAL units one after
// another in memory of its own, which is used again. An access unit of a codec
// without NAL units is one element.
type Unit struct {
	PTS     int64 // ticks of the track
	DTS     int64 // ticks; what a track with derived times is given is overwritten
	UTC     int64 // ns, arrival of its first byte
	Mono    int64 // ns of a clock that never steps, arrival
	Stepped int64 // ns by which the wall clock had been set by then, see media.AU
	Damaged bool  // a part is missing

	buf  []byte
	ends []int // element i is buf[ends[i-1]:ends[i]]
	open bool  // the last element is being written
	// gaps are the numbers of elements before which something is missing, be it
	// of this picture or of the one before it.
	gaps     []int
	headLost bool // an element before the first, of this time, is missing

	stamp  int64 // PTS as it was sent
	order  order
	placed bool // PTS is final

	sync bool
	lost int          // units of the track that were lost right before, about
	desc *description // not nil: the track changes with this unit
	view [][]byte     // elements, made by elements()
}

func (u *Unit) reset() {
	*u = Unit{buf: u.buf[:0], ends: u.ends[:0], view: u.view[:0], gaps: u.gaps[:0]}
}

// tooLarge reports whether a unit is larger than any that is taken.
func (u *Unit) tooLarge() bool { return u.Bytes() > media.MaxAccessUnit || len(u.ends) > maxElements }

// hurt says that something is missing behind the last element.
func (u *Unit) hurt() {
	if n := len(u.gaps); n == 0 || u.gaps[n-1] != len(u.ends) {
		u.gaps = append(u.gaps, len(u.ends))
	}
}

// Begin opens an element; Add extends it; End closes it, or takes it out again
// where it is empty.
func (u *Unit) Begin() { u.open = true }

// Add copies bytes behind the open element's.
func (u *Unit) Add(b []byte) { u.buf = append(u.buf, b...) }

// End closes the open element.
func (u *Unit) End() {
	u.open = false
	if len(u.buf) > u.start(len(u.ends)) {
		u.ends = append(u.ends, len(u.buf))
	}
}

// Drop takes the open element out.
func (u *Unit) Drop() {
	u.open = false
	u.buf = u.buf[:u.start(len(u.ends))]
}

// missing reports whether something is missing before element i.
func (u *Unit) missing(i int) bool {
	return slices.Contains(u.gaps, i)
}

// interrupt says that packets are missing behind what is there: an open element
// does not get its end.
func (u *Unit) interrupt() {
	if u.open {
		u.Drop()
		u.unread()
		return
	}
	u.hurt()
}

// unread says that an element of this time could not be read.
func (u *Unit) unread() {
	u.headLost = u.headLost || len(u.ends) == 0
	u.hurt()
}

// Put adds a whole element.
func (u *Unit) Put(b []byte) {
	u.Begin()
	u.Add(b)
	u.End()
}

// Bytes is the size of all elements.
func (u *Unit) Bytes() int { return len(u.buf) }

func (u *Unit) start(i int) int {
	if i == 0 {
		return 0
	}
	return u.ends[i-1]
}

// elements gives the elements. The slices hold until the unit is used again.
func (u *Unit) elements() [][]byte {
	u.view = u.view[:0]
	for i, end := range u.ends {
		start := u.start(i)
		u.view = append(u.view, u.buf[start:end:end])
	}
	return u.view
}

// join appends another unit: one access unit that was sent in parts.
func (u *Unit) join(o *Unit) {
	u.take(o, 0, len(o.ends))
	u.Damaged = u.Damaged || o.Damaged
	u.lost += o.lost
}

// take appends the elements [i, j) of another unit.
func (u *Unit) take(o *Unit, i, j int) {
	from := o.start(i)
	base := len(u.buf) - from
	u.buf = append(u.buf, o.buf[from:o.start(j)]...)
	for _, end := range o.ends[i:j] {
		u.ends = append(u.ends, base+end)
	}
}

// cut leaves the elements [0, i).
func (u *Unit) cut(i int) {
	u.buf = u.buf[:u.start(i)]
	u.ends = u.ends[:i]
}

// lead puts elements before all others.
func (u *Unit) lead(elements [][]byte) {
	for _, e := range slices.Backward(elements) {
		u.buf = slices.Insert(u.buf, 0, e...)
		u.ends = slices.Insert(u.ends, 0, 0)
		for i := range u.ends {
			u.ends[i] += len(e)
		}
	}
}

var startCode = []byte{0, 0, 1}

// splitStartCodes turns the last element into several where the sender left
// Annex B start codes in it. A valid NAL unit holds none (ITU-T H.264, 7.4.1).
func (u *Unit) splitStartCodes() {
	n := len(u.ends)
	if n == 0 {
		return
	}
	start := u.start(n - 1)
	tail := u.buf[start:]
	if !bytes.Contains(tail, startCode) {
		return
	}
	u.ends = u.ends[:n-1]
	w := start // what is kept moves down over the start codes
	for len(tail) > 0 {
		nal, rest, found := bytes.Cut(tail, startCode)
		if found {
			nal = bytes.TrimRight(nal, "\x00")
		}
		if len(nal) > 0 {
			w += copy(u.buf[w:], nal)
			u.ends = append(u.ends, w)
		}
		tail = rest
	}
	u.buf = u.buf[:w]
}
