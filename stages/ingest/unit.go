package ingest

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// epoch is the zero of the steady clock of all units. All publishers share it, because the builder of a stream
// compares arrivals across publishers.
var epoch = time.Now()

// Mono returns the reading of the steady clock of all units at a time, in ns. A step of the wall clock does not move
// it.
func Mono(at time.Time) int64 { return at.Sub(epoch).Nanoseconds() }

// The bounds of a unit.
const (
	// maxElements bounds the number of NAL units, each of which costs memory beyond its bytes. No camera sends
	// nearly as many slices a picture.
	maxElements  = 4096
	maxUnitBytes = media.MaxAccessUnitBytes
	maxUnitAgeNS = int64(10 * time.Second) // from the first packet to the last
)

// Unit is one access unit on its way into a Feed. It holds its NAL units, called elements, one after another in
// memory of its own, which is reused. A unit of a codec without NAL units has one element. With NAL units, a unit
// may also be a part of an access unit, or contain several, as the sender divides them: the Feed makes whole ones.
type Unit struct {
	PTS           int64 // ticks of the track
	DTS           int64 // ticks; overwritten if the track derives decoding times
	UTC           int64 // ns, arrival of the first byte
	MonoNS        int64 // arrival of the first byte on the steady clock
	DurationTicks int64 // if the data gives it, else 0; see media.AU
	SteppedNS     int64 // ns by which the wall clock had been set at UTC; see media.AU
	Damaged       bool  // data is missing

	// over is the cause for which the unit was refused because it exceeds a bound; "" if it was not. A refused unit
	// is empty and accepts no data, but later data of the same access unit still belongs to it.
	over          string
	refusalLogged bool // the refusal has been logged
	countedBytes  int  // bytes of memory that the feed has counted

	buf  []byte
	ends []int // element i is buf[ends[i-1]:ends[i]]
	open bool  // the last element is incomplete
	// gaps holds, in order, the indices of the elements before which data is missing. The data belongs to the picture
	// of that element or to the picture before.
	gaps     []int
	headLost bool // an element before the first one is missing

	sentPTSTicks  int64 // PTS as sent
	clockPTSTicks int64 // PTS by the sender's clock; differs from PTS with wall_clock: arrival
	order         order
	placed        bool  // PTS is final
	number        int64 // number in presentation order

	sync bool
	lost int          // about how many units of the track were lost directly before this one
	by   string       // cause of the first of these losses; "": lost packets
	desc *description // not nil: the track's description changes with this unit
	view [][]byte     // memory of the result of elements
}

func (u *Unit) reset() {
	*u = Unit{buf: u.buf[:0], ends: u.ends[:0], view: u.view[:0], gaps: u.gaps[:0]}
}

// Arrived sets the arrival of the unit's first byte.
func (u *Unit) Arrived(at time.Time) {
	u.UTC, u.MonoNS, u.SteppedNS = at.UnixNano(), Mono(at), pipeline.Stepped(at).Nanoseconds()
}

// Refused reports whether the unit was refused because it exceeds a bound. It is then empty and accepts no data.
func (u *Unit) Refused() bool { return u.over != "" }

// refuse empties the unit and frees its memory. From then on the unit accepts no data. cause is the drop cause for
// which it is refused.
func (u *Unit) refuse(cause string) {
	u.over, u.Damaged = cause, true
	u.buf, u.ends, u.view, u.gaps = nil, nil, nil, nil
}

// fits reports whether the unit may grow by the given number of elements and of bytes. If not, it refuses the unit.
func (u *Unit) fits(elements, bytes int) bool {
	switch {
	case u.over != "":
	case len(u.ends)+elements > maxElements:
		u.refuse(media.DropTooManyNALUnits)
	case len(u.buf)+bytes > maxUnitBytes:
		u.refuse(media.DropTooLarge)
	}
	return u.over == ""
}

// Hurt records that data is missing between the last closed element (a NAL unit or a frame) and the next one.
func (u *Unit) Hurt() { u.hurtAt(len(u.ends)) }

// hurtAt records that data is missing before the element with index i.
func (u *Unit) hurtAt(i int) {
	if at, found := slices.BinarySearch(u.gaps, i); !found {
		u.gaps = slices.Insert(u.gaps, at, i)
	}
}

// Begin opens a new element: a NAL unit or a frame, to which Add then appends. The caller closes the element before
// it with End first.
func (u *Unit) Begin() { u.open = true }

// Add appends bytes to the open element. If the unit then exceeds a bound, Add refuses the unit (see Refused).
func (u *Unit) Add(b ...byte) {
	if u.fits(0, len(b)) {
		u.buf = append(u.buf, b...)
	}
}

// End closes the open element. It removes the element if it is empty. If the unit then has too many elements, End
// refuses the unit (see Refused).
func (u *Unit) End() {
	u.open = false
	if len(u.buf) > u.start(len(u.ends)) && u.fits(1, 0) {
		u.ends = append(u.ends, len(u.buf))
	}
}

// Open reports whether an element is open: after Begin, until End, Tear, Drop or Interrupt closes or removes it.
func (u *Unit) Open() bool { return u.open }

// Tear removes the open element because its end is missing, and marks the unit as damaged. It does nothing if no
// element is open.
func (u *Unit) Tear() {
	if u.open {
		u.Drop()
		u.Damaged = true
	}
}

// Drop removes the open element, and does not mark the unit as damaged.
func (u *Unit) Drop() {
	u.open = false
	u.buf = u.buf[:u.start(len(u.ends))]
}

// missing reports whether data is missing before the element with index i.
func (u *Unit) missing(i int) bool {
	_, found := slices.BinarySearch(u.gaps, i)
	return found
}

// Interrupt records that packets are missing after the bytes added so far. If an element is open, it is incomplete,
// and Interrupt removes it.
func (u *Unit) Interrupt() {
	if u.open {
		u.Drop()
		u.Unread()
		return
	}
	u.Hurt()
}

// Unread records that the element after the last closed one is missing, because it could not be read.
func (u *Unit) Unread() {
	u.headLost = u.headLost || len(u.ends) == 0
	u.Hurt()
}

// Put adds b to the unit as a whole element: a NAL unit or a frame. If the unit then exceeds a bound, Put refuses
// the unit (see Refused).
func (u *Unit) Put(b []byte) {
	u.Begin()
	u.Add(b...)
	u.End()
}

// Size returns the total bytes of the elements of the unit.
func (u *Unit) Size() int { return len(u.buf) }

// Bytes returns the bytes of all elements, one element directly after another. The slice is valid until the unit is
// changed or reused.
func (u *Unit) Bytes() []byte { return u.buf }

// Elements returns the number of closed elements of the unit: NAL units, or 1 for a frame.
func (u *Unit) Elements() int { return len(u.ends) }

func (u *Unit) start(i int) int {
	if i == 0 {
		return 0
	}
	return u.ends[i-1]
}

func (u *Unit) element(i int) []byte { return u.buf[u.start(i):u.ends[i]:u.ends[i]] }

// elements returns the closed elements of the unit: its NAL units, or its frame. The slices are valid until the
// unit is changed or reused.
func (u *Unit) elements() [][]byte {
	u.view = u.view[:0]
	for i, end := range u.ends {
		start := u.start(i)
		u.view = append(u.view, u.buf[start:end:end])
	}
	return u.view
}

// join appends copies of the elements of o to the unit, because both units are parts of one access unit.
func (u *Unit) join(o *Unit) {
	u.take(o, 0, len(o.ends))
	u.Damaged = u.Damaged || o.Damaged
	u.lost += o.lost
	u.by = cmp.Or(u.by, o.by)
}

// take appends copies of the elements i to j-1 of the unit o.
func (u *Unit) take(o *Unit, i, j int) {
	from := o.start(i)
	if !u.fits(j-i, o.start(j)-from) {
		return
	}
	base := len(u.buf) - from
	u.buf = append(u.buf, o.buf[from:o.start(j)]...)
	for _, end := range o.ends[i:j] {
		u.ends = append(u.ends, base+end)
	}
}

// cut removes the elements from i on.
func (u *Unit) cut(i int) {
	u.buf = u.buf[:u.start(i)]
	u.ends = u.ends[:i]
}

// lead inserts copies of elements before all elements of the unit.
func (u *Unit) lead(elements [][]byte) {
	size := 0
	for _, e := range elements {
		size += len(e)
	}
	if len(elements) == 0 || !u.fits(len(elements), size) {
		return
	}
	for i := range u.ends {
		u.ends[i] += size
	}
	ends := make([]int, 0, len(elements))
	lead := make([]byte, 0, size)
	for _, e := range elements {
		lead = append(lead, e...)
		ends = append(ends, len(lead))
	}
	u.buf, u.ends = slices.Insert(u.buf, 0, lead...), slices.Insert(u.ends, 0, ends...)
}

var startCode = []byte{0, 0, 1}

// SplitStartCodes divides the last element at the Annex B start codes that the sender left in it. A valid NAL unit
// contains none (ITU-T H.264, 7.4.1).
func (u *Unit) SplitStartCodes() {
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
	w := start // the kept bytes move down over the start codes
	for len(tail) > 0 {
		nal, rest, found := bytes.Cut(tail, startCode)
		if found {
			nal = bytes.TrimRight(nal, "\x00")
		}
		if len(nal) > 0 {
			if !u.fits(1, 0) {
				return
			}
			w += copy(u.buf[w:], nal)
			u.ends = append(u.ends, w)
		}
		tail = rest
	}
	u.buf = u.buf[:w]
}
