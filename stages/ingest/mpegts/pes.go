package mpegts

import "encoding/binary"

// maxPESHeaderBytes is the greatest size of the header of a PES packet.
const maxPESHeaderBytes = 9 + 255

// pesHeader is the header of a PES packet (2.4.3.6).
type pesHeader struct {
	bytes     int // size of the header
	length    int // bytes after the header; negative: up to the next PES packet
	plain     bool
	scrambled bool
	timed     bool  // it has times
	pts, dts  int64 // of 33 bits, 90 kHz
}

// pesState is what is known of a header of which a part may be missing.
type pesState uint8

const (
	pesUnknown pesState = iota // more bytes are needed
	pesWhole
	pesBad
)

// readPES reads the header at the beginning of b.
func readPES(b []byte) (h pesHeader, state pesState) {
	const fixed = 6
	if len(b) < fixed {
		for i, v := range b[:min(len(b), 3)] {
			if v != [3]byte{0, 0, 1}[i] {
				return h, pesBad
			}
		}
		return h, pesUnknown
	}
	if b[0] != 0 || b[1] != 0 || b[2] != 1 {
		return h, pesBad
	}
	h.length = int(binary.BigEndian.Uint16(b[4:]))
	switch b[3] {
	case 0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff: // streams whose packets have no further header, and no media
		h.bytes, h.plain = fixed, true
		return h, pesWhole
	}
	if len(b) < 9 {
		return h, pesUnknown
	}
	size := int(b[8])
	h.bytes = 9 + size
	if b[6]>>6 != 2 {
		return h, pesBad
	}
	if len(b) < h.bytes {
		return h, pesUnknown
	}
	h.scrambled = b[6]>>4&3 != 0
	if h.length == 0 {
		h.length = -1
	} else if h.length -= 3 + size; h.length < 0 {
		return h, pesBad
	}
	switch flags := b[7] >> 6; {
	case flags == 1, flags == 2 && size < 5, flags == 3 && size < 10:
		return h, pesBad
	case flags == 2:
		h.pts, h.timed = readTime(b[9:])
		h.dts = h.pts
	case flags == 3:
		var ok bool
		h.pts, h.timed = readTime(b[9:])
		h.dts, ok = readTime(b[14:])
		h.timed = h.timed && ok
	}
	return h, pesWhole
}

// readTime reads a time of five bytes. It reports whether the marker bits are right.
func readTime(b []byte) (ticks int64, ok bool) {
	ticks = int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
	return ticks, b[0]&b[2]&b[4]&1 == 1
}

// clock extends times of 33 bits to 64 bits: each to the value nearest to the newest one. All elementary streams of a
// program share it.
type clock struct {
	any     bool
	newest  int64 // ticks
	shift   int64 // added to the times, because a finite stream was begun again
	again   bool  // the next time is the first one of a stream that was begun again
	line    int64 // highest time of the current time line
	elapsed int64 // ticks from the first time on, without jumps
}

// clockHz is the rate of the times.
const clockHz = 90000

// near returns the extended form of a time.
func (c *clock) near(ticks int64) int64 {
	if !c.any {
		return ticks
	}
	const wrap = 1 << 33
	d := (ticks - c.newest) & (wrap - 1)
	if d >= wrap/2 {
		d -= wrap
	}
	return c.newest + d
}

// extend sets the times of a header to their extended form, and the newest time to its decoding time.
func (c *clock) extend(h *pesHeader) {
	switch {
	case !c.any:
		c.line = h.dts
	case c.again:
		c.shift = c.line + clockHz/25 - h.dts
	}
	h.dts = c.near(h.dts + c.shift)
	c.any, c.again = true, false
	c.newest = h.dts
	h.pts = c.near(h.pts + c.shift)
	switch d := h.dts - c.line; {
	case d > maxStep || d < -maxStep: // the sender's clock was set
		c.line = h.dts
	case d > 0:
		c.line, c.elapsed = h.dts, c.elapsed+d
	}
}

// maxStep is the longest step that is no jump of the sender's clock, ticks.
const maxStep = 10 * clockHz
