package mpegts

import "encoding/binary"

// nullPID is the PID of packets without data.
const nullPID = 0x1fff

// packet is the header of a packet with its adaptation field (2.4.3.2 and 2.4.3.4).
type packet struct {
	pid           uint16
	broken        bool // transport_error_indicator: a demodulator found errors that it could not correct
	begins        bool // payload_unit_start_indicator: a PES packet or a section begins in the payload
	scrambled     bool
	counter       uint8
	discontinuity bool   // the counter, or the clock, need not continue
	stuffed       bool   // the payload is shorter than it could be, as that of the last packet of a PES packet
	payload       []byte // shares the memory of the packet; nil: it has none
}

// readPacket reads a packet of packetBytes bytes. It reports whether the packet follows the format.
func readPacket(b []byte) (p packet, ok bool) {
	flags := binary.BigEndian.Uint16(b[1:])
	p = packet{
		pid: flags & 0x1fff, broken: flags&0x8000 != 0, begins: flags&0x4000 != 0,
		scrambled: b[3]&0xc0 != 0, counter: b[3] & 0xf,
	}
	hasField, hasPayload := b[3]&0x20 != 0, b[3]&0x10 != 0
	at := 4
	if hasField {
		n := int(b[4])
		at = 5 + n
		if at > packetBytes || hasPayload && at == packetBytes {
			return p, false
		}
		p.discontinuity = n > 0 && b[5]&0x80 != 0
		p.stuffed = n == 0 || hasStuffing(b[5:at])
	}
	if hasPayload {
		p.payload = b[at:packetBytes]
	}
	return p, hasField || hasPayload
}

// hasStuffing reports whether an adaptation field, without its length, has stuffing bytes behind its fields (2.4.3.5).
func hasStuffing(field []byte) bool {
	used := 1
	for _, f := range [3]struct {
		flag  byte
		bytes int
	}{{0x10, 6}, {0x08, 6}, {0x04, 1}} { // PCR, OPCR, splice_countdown
		if field[0]&f.flag != 0 {
			used += f.bytes
		}
	}
	for _, flag := range [2]byte{0x02, 0x01} { // transport_private_data, adaptation_field_extension: each with its length
		if field[0]&flag != 0 && used < len(field) {
			used += 1 + int(field[used])
		}
	}
	return used < len(field)
}
