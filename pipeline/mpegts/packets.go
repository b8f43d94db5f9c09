package mpegts

import "encoding/binary"

// packetBytes is the size of a packet (2.4.1).
const packetBytes = 188

const (
	headerBytes = 4
	roomBytes   = packetBytes - headerBytes
)

// The flags of an adaptation field (2.4.3.4).
const (
	fieldDiscontinuity = 0x80
	fieldRandomAccess  = 0x40
	fieldPCR           = 0x10
)

// field is an adaptation field: its flags and, with fieldPCR, the PCR in ticks of 90 kHz. The zero value is no field.
type field struct {
	flags byte
	pcr   int64
}

// bytes returns the size of the field with its length, without stuffing.
func (f field) bytes() int {
	switch {
	case f.flags == 0:
		return 0
	case f.flags&fieldPCR != 0:
		return 2 + 6
	}
	return 2
}

// put appends the field to out, stuffed to a size: 0 for no field, 1 for one without flags.
func (f field) put(out []byte, size int) []byte {
	if size == 0 {
		return out
	}
	end := len(out) + size
	if out = append(out, byte(size-1)); size == 1 {
		return out
	}
	if out = append(out, f.flags); f.flags&fieldPCR != 0 {
		base := uint64(f.pcr) & mask
		out = binary.BigEndian.AppendUint32(out, uint32(base>>1))
		out = append(out, byte(base&1)<<7|0x7e, 0) // the extension is 0
	}
	for len(out) < end {
		out = append(out, 0xff)
	}
	return out
}

// head appends the header of a packet. With payload it counts the packet in counter (2.4.3.3).
func head(out []byte, pid uint16, begins, hasField, payload bool, counter *byte) []byte {
	flags := byte(0)
	if begins {
		flags = 0x40
	}
	control := byte(0)
	if hasField {
		control = 0x20
	}
	if payload {
		control |= 0x10
		*counter = (*counter + 1) & 15
	}
	return append(out, syncByte, flags|byte(pid>>8), byte(pid), control|*counter)
}

const syncByte = 0x47

// packetise appends the packets of data, a PES packet. The first packet has the field f.
func packetise(out []byte, pid uint16, counter *byte, f field, data []byte) []byte {
	for begins := true; len(data) > 0; begins, f = false, (field{}) {
		size := f.bytes()
		if rest := roomBytes - len(data); size < rest {
			size = rest
		}
		out = f.put(head(out, pid, begins, size > 0, true, counter), size)
		n := roomBytes - size
		out, data = append(out, data[:n]...), data[n:]
	}
	return out
}

// packetiseSection appends the packets of a section. Stuffing fills the last one.
func packetiseSection(out []byte, pid uint16, counter *byte, data []byte) []byte {
	for begins := true; len(data) > 0; begins = false {
		end := len(out) + packetBytes
		if out = head(out, pid, begins, false, true, counter); begins {
			out = append(out, 0) // pointer_field
		}
		n := min(end-len(out), len(data))
		out, data = append(out, data[:n]...), data[n:]
		for len(out) < end {
			out = append(out, 0xff)
		}
	}
	return out
}

// appendTime appends a time of five bytes (2.4.3.6). prefix is its first four bits.
func appendTime(out []byte, prefix byte, ticks int64) []byte {
	return append(out, prefix<<4|byte(ticks>>29)&0x0e|1, byte(ticks>>22), byte(ticks>>14)|1, byte(ticks>>7), byte(ticks<<1)|1)
}
