package udp

import (
	"encoding/binary"
	"time"
)

// The bounds for holding RTP packets back.
const (
	reorderWait = 200 * time.Millisecond // for a packet that is missing
	maxHeld     = 512                    // packets; a power of two
	farPackets  = 3000                   // a sequence number further away is that of a sender that started over
)

// reorder restores the order of RTP packets (RFC 3550) by their sequence numbers.
type reorder struct {
	begun  bool
	next   uint16 // sequence number of the next packet
	count  int    // held packets
	since  time.Time
	held   [maxHeld]heldPacket // by sequence number modulo maxHeld
	twice  uint64              // packets that came twice, or after they were given up
	passed time.Time           // arrival of the newest packet
}

// heldPacket is a packet that waits for those before it. Its memory is reused.
type heldPacket struct {
	full    bool
	seq     uint16
	at      time.Time
	payload []byte
}

// rtpPayload returns the sequence number, the payload type and the payload of an RTP packet.
func rtpPayload(b []byte) (seq uint16, kind uint8, payload []byte, ok bool) {
	const fixed = 12
	if len(b) < fixed || b[0]>>6 != 2 {
		return 0, 0, nil, false
	}
	at := fixed + 4*int(b[0]&0xf)
	if b[0]&0x10 != 0 { // extension
		if len(b) < at+4 {
			return 0, 0, nil, false
		}
		at += 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	}
	end := len(b)
	if b[0]&0x20 != 0 { // padding
		end -= int(b[len(b)-1])
	}
	if at > end {
		return 0, 0, nil, false
	}
	return binary.BigEndian.Uint16(b[2:]), b[1] & 0x7f, b[at:end], true
}

// packet takes a packet, and calls pass with each payload that is next. missing is the number of packets before it that
// have not come. The payload is valid during the call.
func (r *reorder) packet(seq uint16, payload []byte, at time.Time, pass func(payload []byte, missing int, at time.Time) error) error {
	d := int16(seq - r.next)
	switch {
	case !r.begun, d > farPackets, d < -farPackets:
		if err := r.flush(pass); err != nil {
			return err
		}
		r.begun, r.next, d = true, seq, 0
	case d < 0:
		r.twice++
		return nil
	}
	for d >= maxHeld {
		n := r.next
		if err := r.release(pass); err != nil {
			return err
		}
		if r.next == n {
			r.next = seq - maxHeld + 1
		}
		d = int16(seq - r.next)
	}
	if d == 0 {
		r.next++
		if err := pass(payload, 0, at); err != nil {
			return err
		}
		return r.run(pass)
	}
	h := &r.held[seq%maxHeld]
	if h.full {
		r.twice++
		return nil
	}
	h.full, h.seq, h.at, h.payload = true, seq, at, append(h.payload[:0], payload...)
	if r.count++; r.count == 1 {
		r.since = at
	}
	return r.look(at, pass)
}

// look passes on packets that have waited for long enough.
func (r *reorder) look(now time.Time, pass func([]byte, int, time.Time) error) error {
	for r.count > 0 && now.Sub(r.since) >= reorderWait {
		if err := r.release(pass); err != nil {
			return err
		}
	}
	return nil
}

// flush passes on all held packets.
func (r *reorder) flush(pass func([]byte, int, time.Time) error) error {
	for r.count > 0 {
		if err := r.release(pass); err != nil {
			return err
		}
	}
	return nil
}

// release gives up the packets before the first held one, and passes that on with those that follow it.
func (r *reorder) release(pass func([]byte, int, time.Time) error) error {
	if r.count == 0 {
		return nil
	}
	missing := 0
	for !r.held[r.next%maxHeld].full {
		r.next++
		missing++
	}
	h := &r.held[r.next%maxHeld]
	h.full = false
	r.count--
	r.next++
	if err := pass(h.payload, missing, h.at); err != nil {
		return err
	}
	return r.run(pass)
}

// run passes on the held packets that are next.
func (r *reorder) run(pass func([]byte, int, time.Time) error) error {
	for r.count > 0 && r.held[r.next%maxHeld].full {
		h := &r.held[r.next%maxHeld]
		h.full = false
		r.count--
		r.next++
		if err := pass(h.payload, 0, h.at); err != nil {
			return err
		}
	}
	r.since = r.oldest()
	return nil
}

// oldest returns the arrival of the held packet that has waited longest.
func (r *reorder) oldest() (at time.Time) {
	if r.count == 0 {
		return at
	}
	for i := range r.held {
		if h := &r.held[i]; h.full && (at.IsZero() || h.at.Before(at)) {
			at = h.at
		}
	}
	return at
}
