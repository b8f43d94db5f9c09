package rtp

import (
	"cmp"
	"time"

	"github.com/pion/rtp"

	"github.com/gospool/spool/stages/ingest"
)

// datagrams restores the order in which packets were sent, and removes duplicates. A packet with the next number is
// delivered at once, without a copy. A packet with a later number is held until the packets before it have arrived, or
// until a bound of packets, bytes or time is reached. In the latter case the missing packets are skipped, and the
// receiver of the packets counts them as lost.
type datagrams struct {
	next  uint16              // sequence number of the packet to deliver next
	wait  time.Duration       // longest time for which a packet is held; 0: DefaultWait
	begun bool                // a packet has come, so next is set
	seen  uint64              // bit i-1 is set if the packet i before next has arrived
	held  [maxAhead]*datagram // by sequence number modulo maxAhead
	n     int                 // number of held packets
	bytes int                 // payload bytes of the held packets
	last  time.Time           // arrival of the packet delivered last
	looks int                 // number of calls of look since the newest packet
	back  int                 // number of the newest packets with consecutive numbers, all before next
	after uint16              // number that would continue these packets

	free    []*datagram                        // unused ones, for reuse
	deliver func(*rtp.Packet, time.Time) error // takes each packet with its arrival
	count   func(cause string)                 // counts a packet that is left out, as a repair
}

// datagram is a held packet.
type datagram struct {
	packet rtp.Packet
	at     time.Time
	buf    []byte
}

// DefaultWait is the longest time for which a datagram is held, unless Config.Wait sets another.
const DefaultWait = 200 * time.Millisecond

// The bounds of the held packets.
const (
	maxAhead          = 512 // packets
	maxAheadBytes     = 1 << 20
	silentLooks       = 3    // after so many calls of look without a packet of the track, the held packets are delivered
	maxBefore         = 32   // packets before the first one that may still arrive; most held before the first delivery
	keptDatagrams     = 16   // most unused datagrams kept for reuse
	keptDatagramBytes = 2048 // most bytes of an unused datagram kept for reuse
	backAgain         = 3    // after so many consecutive packets more than maxAhead before next, the sender started over
	backNear          = 64   // after so many consecutive packets before next, at any distance, the sender started over
)

// packet takes the next packet in the order of arrival. It returns the error of deliver, to which it passes packets
// in the order in which they were sent.
func (d *datagrams) packet(p *rtp.Packet, at time.Time) error {
	d.looks = 0
	if !d.begun { // packets with earlier numbers may still arrive
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
		if d.last.IsZero() && d.n >= maxBefore { // no packet before the first one is on its way
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

// again handles a packet whose number seq lies behind packets before d.next. It reports whether the sender started
// over with that number. If not, the packet is left out, and again counts it as a duplicate or as late.
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

// hold keeps a copy of a packet until the packets before it have arrived.
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

// copy copies a packet and its arrival.
func (h *datagram) copy(p *rtp.Packet, at time.Time) {
	h.at, h.buf = at, append(h.buf[:0], p.Payload...)
	h.packet = rtp.Packet{Header: rtp.Header{
		Version: p.Version, Marker: p.Marker, PayloadType: p.PayloadType,
		SequenceNumber: p.SequenceNumber, Timestamp: p.Timestamp, SSRC: p.SSRC,
	}, Payload: h.buf}
}

// overdue delivers held packets, although packets before them are missing, as long as the first held packet has waited
// for d.wait at the given time, or too many bytes are held.
func (d *datagrams) overdue(at time.Time) error {
	for d.n > 0 {
		if at.Sub(d.held[d.first()%maxAhead].at) < cmp.Or(d.wait, DefaultWait) && d.bytes <= maxAheadBytes {
			return nil
		}
		if err := d.giveUp(); err != nil {
			return err
		}
	}
	return nil
}

// look delivers the held packets if no packet of the track has arrived since silentLooks calls, of which the feed makes
// one a second at most, when data of any track arrives. Data of another track proves less than a packet of the track
// itself (see overdue): on a busy machine the missing packets may lie unread in the track's own socket. look therefore
// counts calls instead of time: a pause of the whole machine counts once.
func (d *datagrams) look() error {
	if d.looks++; d.looks < silentLooks {
		return nil
	}
	return d.flush()
}

// first returns the sequence number of the first held packet. There must be one.
func (d *datagrams) first() uint16 {
	seq := d.next
	for d.held[seq%maxAhead] == nil {
		seq++
	}
	return seq
}

// giveUp stops waiting for the packets before the first held one, and delivers the held packets from there up to the
// next missing one. There must be a held packet.
func (d *datagrams) giveUp() error {
	d.skip(d.first())
	return d.run()
}

// flush delivers all held packets, although packets between them are missing.
func (d *datagrams) flush() error {
	for d.n > 0 {
		if err := d.giveUp(); err != nil {
			return err
		}
	}
	return nil
}

// run delivers the held packets from next on, up to the first missing one.
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

// pass delivers the packet with the number next. Its arrival becomes at least that of the packet delivered before it.
func (d *datagrams) pass(p *rtp.Packet, at time.Time) error {
	if at.Before(d.last) {
		at = d.last
	}
	d.last = at
	d.next++
	d.seen = d.seen<<1 | 1
	return d.deliver(p, at)
}

// skip makes seq the number of the next packet to deliver. The missing packets before it are not expected any more.
func (d *datagrams) skip(seq uint16) {
	d.seen <<= min(seq-d.next, 64)
	d.next = seq
}

// begin makes seq, which is unrelated to the earlier numbers, the number of the next packet. No packet may be held.
func (d *datagrams) begin(seq uint16) { d.next, d.seen, d.back = seq, 0, 0 }
