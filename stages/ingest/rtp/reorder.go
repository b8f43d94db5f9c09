package rtp

import (
	"time"

	"github.com/pion/rtp"

	"github.com/gospool/spool/stages/ingest"
)

// datagrams restores the order of packets that a network has changed, and removes duplicates. A packet in its place
// is passed on at once, uncopied. A packet that is ahead waits for those between, until they arrive or until a bound
// of packets, bytes or time is reached and they count as lost.
type datagrams struct {
	next  uint16 // number of the packet to pass on next
	begun bool
	seen  uint64              // the numbers right before next that arrived, the nearest in the lowest bit
	held  [maxAhead]*datagram // by number
	n     int
	bytes int
	last  time.Time // arrival of the packet passed on last
	back  int       // consecutive packets that are behind next
	after uint16    // the number that would continue those packets

	free    []*datagram
	deliver func(*rtp.Packet, time.Time) error
	count   func(cause string)
}

// datagram is a waiting packet.
type datagram struct {
	packet rtp.Packet
	at     time.Time
	buf    []byte
}

// The bounds of the waiting packets.
const (
	maxAhead          = 512 // packets
	maxAheadBytes     = 1 << 20
	maxWait           = 200 * time.Millisecond
	maxBefore         = 32   // packets sent before the first arrived one, or arriving until it is passed on
	keptDatagrams     = 16   // free ones kept for reuse
	keptDatagramBytes = 2048 // bytes of each
	backAgain         = 3    // consecutive packets that are further behind than any that waits: the sender started over
	backNear          = 64   // the same, if they are not that far behind
)

// packet takes the next packet that arrived.
func (d *datagrams) packet(p *rtp.Packet, at time.Time) error {
	if !d.begun { // earlier ones may still arrive
		d.begun, d.next = true, p.SequenceNumber-maxBefore
	}
	ahead := int(int16(p.SequenceNumber - d.next))
	for ahead >= maxAhead && d.n > 0 {
		if err := d.giveUp(); err != nil {
			return err
		}
		ahead = int(int16(p.SequenceNumber - d.next))
	}
	switch {
	case ahead < 0:
		if !d.again(p.SequenceNumber, -ahead) {
			return d.overdue(at)
		}
		if err := d.flush(); err != nil {
			return err
		}
		d.begin(p.SequenceNumber)
	case ahead >= maxAhead:
		d.skip(p.SequenceNumber)
	case ahead > 0:
		d.back = 0
		d.hold(p, at)
		if d.last.IsZero() && d.n >= maxBefore { // none before the first one is under way
			return d.giveUp()
		}
		return d.overdue(at)
	}
	d.back = 0
	if err := d.pass(p, at); err != nil {
		return err
	}
	if err := d.run(); err != nil {
		return err
	}
	return d.overdue(at)
}

// again takes a packet whose number has passed, and reports whether the sender started over.
func (d *datagrams) again(seq uint16, behind int) bool {
	if behind <= 64 {
		bit := uint64(1) << (behind - 1)
		if d.seen&bit != 0 {
			d.count(ingest.RepairedTwice)
			return false
		}
		d.seen |= bit
	}
	if seq != d.after {
		d.back = 0
	}
	d.back, d.after = d.back+1, seq+1
	if d.back >= backAgain && (behind > maxAhead || d.back >= backNear) {
		return true
	}
	d.count(ingest.RepairedLate)
	return false
}

// hold keeps a packet until those before it have arrived.
func (d *datagrams) hold(p *rtp.Packet, at time.Time) {
	slot := &d.held[p.SequenceNumber%maxAhead]
	if *slot != nil {
		d.count(ingest.RepairedTwice)
		return
	}
	var h *datagram
	if n := len(d.free) - 1; n >= 0 {
		h, d.free = d.free[n], d.free[:n]
	} else {
		h = &datagram{}
	}
	h.copy(p, at)
	*slot = h
	d.n++
	d.bytes += len(h.buf)
}

// copy takes over a packet.
func (h *datagram) copy(p *rtp.Packet, at time.Time) {
	h.at, h.buf = at, append(h.buf[:0], p.Payload...)
	h.packet = rtp.Packet{Header: rtp.Header{
		Version: p.Version, Marker: p.Marker, PayloadType: p.PayloadType,
		SequenceNumber: p.SequenceNumber, Timestamp: p.Timestamp, SSRC: p.SSRC,
	}, Payload: h.buf}
}

// overdue gives up on packets that are missing for too long, or that too many packets wait for.
func (d *datagrams) overdue(at time.Time) error {
	for d.n > 0 {
		if at.Sub(d.held[d.first()%maxAhead].at) < maxWait && d.bytes <= maxAheadBytes {
			return nil
		}
		if err := d.giveUp(); err != nil {
			return err
		}
	}
	return nil
}

// first returns the number of the first waiting packet.
func (d *datagrams) first() uint16 {
	seq := d.next
	for d.held[seq%maxAhead] == nil {
		seq++
	}
	return seq
}

// giveUp continues with the first waiting packet.
func (d *datagrams) giveUp() error {
	d.skip(d.first())
	return d.run()
}

// flush passes on all waiting packets.
func (d *datagrams) flush() error {
	for d.n > 0 {
		if err := d.giveUp(); err != nil {
			return err
		}
	}
	return nil
}

// run passes on the waiting packets that are in their place.
func (d *datagrams) run() error {
	for d.n > 0 {
		slot := &d.held[d.next%maxAhead]
		h := *slot
		if h == nil {
			return nil
		}
		*slot = nil
		d.n--
		d.bytes -= len(h.buf)
		err := d.pass(&h.packet, h.at)
		if len(d.free) < keptDatagrams && cap(h.buf) <= keptDatagramBytes {
			d.free = append(d.free, h)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pass passes on a packet. A packet that waited gets an arrival no earlier than that of the packet before it.
func (d *datagrams) pass(p *rtp.Packet, at time.Time) error {
	if at.Before(d.last) {
		at = d.last
	}
	d.last = at
	d.next++
	d.seen = d.seen<<1 | 1
	return d.deliver(p, at)
}

// skip continues at a number.
func (d *datagrams) skip(seq uint16) {
	d.seen <<= min(seq-d.next, 64)
	d.next = seq
}

// begin starts over at a number that is unrelated to the earlier ones. No packet may wait.
func (d *datagrams) begin(seq uint16) { d.next, d.seen, d.back = seq, 0, 0 }
