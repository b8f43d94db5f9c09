package rtp

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// decodingOrder sorts NAL units into decoding order by their decoding order number (DON; RFC 6184, 5.5, and RFC
// 7798, 4.4). Each NAL unit has a time of its own. It is released if its number is the next one, or if no NAL unit with
// an earlier number can arrive any more: more than depth NAL units are held, or it has waited long enough.
//
// Senders may skip numbers. So a missing number counts as a loss only if packets were lost recently.
type decodingOrder struct {
	depth int // most NAL units that precede, in the order of arrival, one that is decoded before them

	held        []numbered // in decoding order
	bytes       int        // bytes of memory of held
	begun       bool       // last is known
	first       uint16     // number of the first NAL unit that arrived, until one is released
	last        uint16     // number of the NAL unit released last
	next        uint16     // number after that of the newest NAL unit
	late        int        // consecutive NAL units that arrived too late
	newestTicks int64      // time of the newest NAL unit
	doubt       int        // for so many further NAL units a missing number counts as a loss
	step        uint16     // usual distance of consecutive numbers: 1, or a distance that came twice in a row
	prev        uint16     // newest distance of consecutive numbers
	alike       bool       // some NAL units share one number: a missing number cannot be noticed
	torn        bool       // data is missing before the next NAL unit

	part *numbered // fragmented NAL unit whose end has not arrived
}

// numbered is a NAL unit with its number, in a Unit of its own.
type numbered struct {
	don   uint16
	ticks int64 // RTP time
	at    time.Time
	unit  *ingest.Unit
}

const (
	defaultDepth  = 64 // depth if the session description has none
	maxOrderDepth = 1024
	// maxDepthTime is how long a NAL unit waits at most. It is measured by the sender's times, because all packets
	// are late after a stall of the network.
	maxDepthTime  = time.Second
	maxOrderBytes = 16 << 20 // beyond it the first held NAL units are released
)

// ordered takes a payload whose NAL units have decoding order numbers. gap reports whether data may be missing
// before it.
func (t *Track) ordered(p []byte, ticks int64, gap bool, at time.Time) error {
	o := t.order
	if gap && (o.begun || len(o.held) > 0) {
		o.doubt = 2*o.depth + len(o.held)
		t.dropPart()
	}
	o.torn = o.torn || gap && !o.begun
	err := t.video.ordered(t, p, ticks, at)
	if err != nil {
		o.doubt, o.torn = 2*o.depth+len(o.held), true
	}
	return t.goOn()
}

// ordered implements RFC 6184, packetization mode 2. A NAL unit without a number gets the number after that of the NAL
// unit before it.
func (h264Payload) ordered(t *Track, p []byte, ticks int64, at time.Time) error {
	o := t.order
	kind := p[0] & 0x1f
	if kind == fuA || kind == fuB {
		if len(p) < 2 || kind == fuB && len(p) < 4 {
			return errShort
		}
		don, body := o.next, p[2:]
		if kind == fuB {
			don, body = binary.BigEndian.Uint16(p[2:]), p[4:]
		}
		return t.numberedPart(p[1], don, ticks, at, body, p[0]&0xe0|p[1]&0x1f)
	}
	t.dropPart()
	switch kind {
	case stapA:
		return eachSized(p[1:], o.next, func(don uint16, nal []byte) { t.number(don, ticks, at, nal) })
	case stapB:
		if len(p) < 3 {
			return errShort
		}
		return eachSized(p[3:], binary.BigEndian.Uint16(p[1:]), func(don uint16, nal []byte) { t.number(don, ticks, at, nal) })
	case mtap16, mtap24:
		return eachTimed(p, func(don uint16, offset uint32, nal []byte) { t.number(don, ticks+int64(offset), at, nal) })
	}
	t.number(o.next, ticks, at, p)
	return nil
}

// ordered implements RFC 7798, 4.4, for a sprop-max-don-diff greater than 0.
func (h *h265Payload) ordered(t *Track, p []byte, ticks int64, at time.Time) (err error) {
	if p, err = h.open(p); err != nil {
		return err
	}
	kind := p[0] >> 1 & 0x3f
	if kind == fuH265 {
		if len(p) < 3 || p[2]&0x80 != 0 && len(p) < 5 {
			return errShort
		}
		don, body := uint16(0), p[3:]
		if p[2]&0x80 != 0 {
			don, body = binary.BigEndian.Uint16(p[3:]), p[5:]
		}
		return t.numberedPart(p[2], don, ticks, at, body, p[0]&0x81|p[2]&0x3f<<1, p[1])
	}
	t.dropPart()
	if len(p) < 4 {
		return errShort
	}
	don := binary.BigEndian.Uint16(p[2:])
	if kind != apH265 {
		t.number(don, ticks, at, p[:2], p[4:])
		return nil
	}
	for p = p[4:]; len(p) >= 2; {
		n := int(binary.BigEndian.Uint16(p))
		if n > len(p)-2 {
			return errShort
		}
		t.number(don, ticks, at, p[2:2+n])
		if p = p[2+n:]; len(p) > 0 {
			don, p = don+1+uint16(p[0]), p[1:]
		}
	}
	return nil
}

// eachSized calls give with each NAL unit of a list with 16-bit sizes (RFC 6184, 5.7.1), and with its decoding order
// number. The numbers are consecutive, from don on.
func eachSized(p []byte, don uint16, give func(don uint16, nal []byte)) error {
	for len(p) >= 2 {
		n := int(binary.BigEndian.Uint16(p))
		if n > len(p)-2 {
			return errShort
		}
		give(don, p[2:2+n])
		don++
		p = p[2+n:]
	}
	return nil
}

// eachTimed calls give with each NAL unit of an MTAP (RFC 6184, 5.7.2), its decoding order number, and offset, the
// ticks by which its time is later than that of the packet.
func eachTimed(p []byte, give func(don uint16, offset uint32, nal []byte)) error {
	head := 5
	if p[0]&0x1f == mtap24 {
		head = 6
	}
	if len(p) < 3 {
		return errShort
	}
	base := binary.BigEndian.Uint16(p[1:])
	for p = p[3:]; len(p) >= head; {
		n := int(binary.BigEndian.Uint16(p))
		if n > len(p)-head {
			return errShort
		}
		offset := uint32(p[3])<<8 | uint32(p[4])
		if head == 6 {
			offset = offset<<8 | uint32(p[5])
		}
		give(base+uint16(p[2]), offset, p[head:head+n])
		p = p[head+n:]
	}
	if len(p) > 0 && p[0] != 0 { // trailing zeros are padding
		return errShort
	}
	return nil
}

// tiles reports whether the NAL units in payload p, a STAP-B or MTAP by its type, have sizes that add up to the size of
// the payload. If not, p is no aggregation packet but a NAL unit of an undefined type: the packetization mode has no
// such packets.
func tiles(p []byte) bool {
	n, size := 0, 0
	count := func(nal []byte) {
		n++
		size += len(nal)
		if len(nal) == 0 {
			size = -1 << 30
		}
	}
	if p[0]&0x1f == stapB {
		err := eachSized(p[min(len(p), 3):], 0, func(_ uint16, nal []byte) { count(nal) })
		return err == nil && n > 0 && 3+2*n+size == len(p)
	}
	head := 5
	if p[0]&0x1f == mtap24 {
		head = 6
	}
	err := eachTimed(p, func(_ uint16, _ uint32, nal []byte) { count(nal) })
	return err == nil && n > 0 && 3+head*n+size == len(p)
}

// number holds a copy of the NAL unit with number don and time ticks. parts are its consecutive parts.
func (t *Track) number(don uint16, ticks int64, at time.Time, parts ...[]byte) {
	u := t.feed.Take()
	u.Begin()
	for _, b := range parts {
		u.Add(b...)
	}
	t.hold(numbered{don, ticks, at, u})
}

// numberedPart takes a fragment of the NAL unit with number don and time ticks. flags is its FU header, which marks the
// first and the last fragment. header is the header of the NAL unit.
func (t *Track) numberedPart(flags byte, don uint16, ticks int64, at time.Time, body []byte, header ...byte) error {
	o := t.order
	if flags&0x80 != 0 {
		t.dropPart()
		o.part = &numbered{don, ticks, at, t.feed.Take()}
		o.part.unit.Begin()
		o.part.unit.Add(header...)
	} else if o.part == nil {
		return errFragment
	}
	u := o.part.unit
	u.Add(body...)
	t.to.Grown(u, at.Sub(o.part.at).Nanoseconds())
	if flags&0x40 != 0 {
		n := *o.part
		o.part = nil
		t.hold(n)
	}
	return nil
}

// dropPart leaves out the fragmented NAL unit, if there is one, because its end is missing.
func (t *Track) dropPart() {
	if o := t.order; o.part != nil {
		t.feed.Put(o.part.unit)
		o.part, o.torn = nil, true
	}
}

// hold inserts a whole NAL unit at its place among the held ones. It leaves out a NAL unit that comes too late. If more
// than depth NAL units in a row come too late, the sender has begun to number anew, and hold follows it.
func (t *Track) hold(n numbered) {
	o := t.order
	o.next, o.newestTicks = n.don+1, n.ticks
	n.unit.End()
	t.to.Grown(n.unit, 0)
	if n.unit.Elements() == 0 {
		o.torn = o.torn || n.unit.Refused()
		t.feed.Put(n.unit)
		return
	}
	if !o.begun && len(o.held) == 0 {
		o.first = n.don
	}
	if o.begun && n.don-o.last >= 0x8000 {
		if o.late++; o.late <= o.depth {
			t.to.Lost(media.DropDecodingOrder, 1)
			o.torn = true
			t.feed.Put(n.unit)
			return
		}
		_ = t.flushOrder() // the sender numbers anew; the feed remembers an error
		o.first = n.don
	}
	o.late = 0
	at, _ := slices.BinarySearchFunc(o.held, n.don, func(h numbered, don uint16) int {
		if o.place(h.don) <= o.place(don) { // NAL units with one number keep their order
			return -1
		}
		return 1
	})
	o.held = slices.Insert(o.held, at, n)
	o.bytes += n.unit.HeldBytes()
	if len(o.held) > o.depth { // also while the NAL units of one packet arrive
		_ = t.goOn() // the feed remembers the error
	}
}

// place returns a position by which held NAL units sort in decoding order. It is the distance of the number don
// from that of the NAL unit released last, or from first if no NAL unit was released.
func (o *decodingOrder) place(don uint16) uint16 {
	if o.begun {
		return don - o.last
	}
	return don - o.first + 0x8000
}

// goOn releases the held NAL units that need not wait any longer: see decodingOrder. An error means that the
// publisher has ended.
func (t *Track) goOn() error {
	o := t.order
	for len(o.held) > 0 {
		next := o.begun && o.held[0].don-o.last <= 1
		waited := o.newestTicks-o.held[0].ticks >= int64(t.clockHz)*int64(maxDepthTime/time.Second)
		if !next && !waited && len(o.held) <= o.depth && o.bytes <= maxOrderBytes {
			return nil
		}
		if err := t.release(); err != nil {
			return err
		}
	}
	return t.feed.Err()
}

// release adds the first held NAL unit to the unit of its time (see element), and no longer holds it.
func (t *Track) release() error {
	o := t.order
	n := o.held[0]
	o.held = slices.Delete(o.held, 0, 1)
	o.bytes -= n.unit.HeldBytes()
	if o.begun {
		step := n.don - o.last
		if step == o.prev {
			o.step = step
		}
		o.prev, o.alike = step, o.alike || step == 0
		if o.doubt > 0 {
			o.doubt--
			o.torn = o.torn || o.alike || step != o.step
		}
	}
	torn := o.torn
	o.begun, o.last, o.torn = true, n.don, false
	defer t.feed.Put(n.unit)
	return t.element(n.unit.Bytes(), n.ticks, torn, n.at)
}

// flushOrder releases all held NAL units, also after an error. The next NAL unit may then have any number.
func (t *Track) flushOrder() (err error) {
	o := t.order
	t.dropPart()
	for len(o.held) > 0 {
		if e := t.release(); e != nil {
			err = e
		}
	}
	o.begun, o.late = false, 0
	return err
}

// element adds a NAL unit with a time of its own to the unit of that time. torn reports whether data is missing
// before it.
func (t *Track) element(nal []byte, ticks int64, torn bool, at time.Time) error {
	if err := t.open(ticks, torn, at); err != nil {
		return err
	}
	t.unit.Put(nal)
	cleanStartCodes(t.unit, t.video.role(nal), nal)
	t.bound(at)
	return nil
}
