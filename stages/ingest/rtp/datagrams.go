package rtp

import (
	"time"

	"github.com/pion/rtp"

	"github.com/gospool/spool/stages/ingest"
)

// datagrams puts packets back in the order of their numbers that a network has
// changed, and leaves out what comes twice. A packet in its place goes on at once,
// uncopied; one that is ahead waits for those between: until they are there, or so
// many packets, bytes or so much time is waited for that they are taken as lost.
type datagrams struct {
	next  uint16 // number of the packet that goes on
	begun bool
	seen  uint64              // of the numbers right before next, the nearest the lowest bit: which came
	held  [maxAhead]*datagram // by number
	n     int
	bytes int
	last  time.Time // arrival, as told, of the packet that went on last
	back  int       // packets in a row, each the next, that are behind
	after uint16    // number of the one that would be next of them

	free    []*datagram
	deliver func(*rtp.Packet, time.Time) error
	count   func(cause string)
}

// datagram is a packet that waits.
type datagram struct {
	packet rtp.Packet
	at     time.Time
	buf    []byte
}

// The bounds of what waits.
const (
	maxAhead      = 512 // packets
	maxAheadBytes = 1 << 20
	maxWait       = 200 * time.Millisecond
	maxBefore     = 32   // packets that were sent before the first one that came, or come until it goes on
	keptDatagrams = 16   // of the free ones,
	keptDatagram  = 2048 // bytes of each
	backAgain     = 3    // packets in a row that are further behind than any that waits: the sender began anew;
	backNear      = 64   // so many where they are not
)

// packet takes the next one that arrived.
func (d *datagrams) packet(p *rtp.Packet, at time.Time) error {
	if !d.begun { // those before it may come yet
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
		if d.last.IsZero() && d.n >= maxBefore { // none before the first one is on the way
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

// again takes a packet whose number has gone by, and reports whether the sender
// counts anew.
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

// hold keeps a packet until those before it have come.
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

// overdue gives up on packets that are waited for too long, or by too many.
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

// first returns the number of the first packet that waits.
func (d *datagrams) first() uint16 {
	seq := d.next
	for d.held[seq%maxAhead] == nil {
		seq++
	}
	return seq
}

// giveUp goes on with the first packet that waits.
func (d *datagrams) giveUp() error {
	d.skip(d.first())
	return d.run()
}

// flush lets all go that waits.
func (d *datagrams) flush() error {
	for d.n > 0 {
		if err := d.giveUp(); err != nil {
			return err
		}
	}
	return nil
}

// run lets those go that are in their place.
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
		if len(d.free) < keptDatagrams && cap(h.buf) <= keptDatagram {
			d.free = append(d.free, h)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pass lets a packet go on. One that waited has not arrived before the one in front
// of it.
func (d *datagrams) pass(p *rtp.Packet, at time.Time) error {
	if at.Before(d.last) {
		at = d.last
	}
	d.last = at
	d.next++
	d.seen = d.seen<<1 | 1
	return d.deliver(p, at)
}

// skip goes on at a number.
func (d *datagrams) skip(seq uint16) {
	d.seen <<= min(seq-d.next, 64)
	d.next = seq
}

// begin goes on at a number that has nothing to do with those before. Nothing may
// be held.
func (d *datagrams) begin(seq uint16) { d.next, d.seen, d.back = seq, 0, 0 }
