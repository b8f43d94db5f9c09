// Package bitstream reads and writes the bits of codecs: numbers of fixed length, Exp-Golomb numbers, and the
// emulation prevention bytes of NAL units.
package bitstream

// Reader reads bits, the most significant bit of a byte first. Bits after the end read as 0; Short then
// returns true.
type Reader struct {
	b       []byte
	escaped bool // b contains emulation prevention bytes, which are skipped
	pos     int
	short   bool // a read went beyond the end
}

// NewReader returns a reader of b. It does not copy b.
func NewReader(b []byte) Reader { return Reader{b: b} }

// NewEscapedReader returns a reader of the body of a NAL unit that still contains emulation prevention bytes. It does
// not copy b.
func NewEscapedReader(b []byte) Reader { return Reader{b: b, escaped: true} }

// Left returns the number of unread bits, including those of emulation prevention bytes.
func (r *Reader) Left() int { return 8*len(r.b) - r.pos }

// Short reports whether a read went beyond the end.
func (r *Reader) Short() bool { return r.short }

// Bits reads an unsigned number of n bits. n is at most 32. If fewer than n bits are left, it reads all of
// them, and Short then returns true. The result is then 0; of escaped bytes, it has the bits that were left,
// followed by zeros.
func (r *Reader) Bits(n int) (v uint32) {
	if !r.escaped && r.Left() < n {
		r.pos, r.short = 8*len(r.b), true
		return 0
	}
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

func (r *Reader) bit() uint32 {
	i := uint(r.pos) / 8
	if r.pos&7 == 0 && r.escaped && i >= 2 && i < uint(len(r.b)) && r.b[i] == 3 && r.b[i-1]|r.b[i-2] == 0 {
		i++
		r.pos += 8
	}
	if i >= uint(len(r.b)) {
		r.short = true
		return 0
	}
	v := r.b[i] >> (7 - uint(r.pos)&7) & 1
	r.pos++
	return uint32(v)
}

// Flag reads one bit and reports whether it is 1. After the end it returns false.
func (r *Reader) Flag() bool { return r.bit() == 1 }

// Skip skips n bits. If fewer than n bits are left, it skips all of them, and Short then returns true.
func (r *Reader) Skip(n int) {
	if r.escaped {
		for range n {
			r.bit()
		}
		return
	}
	r.short = r.short || r.Left() < n
	r.pos = min(r.pos+n, 8*len(r.b))
}

// Align skips the unread bits of a byte of which bits were read. It is not for escaped bytes.
func (r *Reader) Align() { r.Skip((8 - r.pos%8) % 8) }

// UE reads an unsigned Exp-Golomb number (ITU-T H.264, 9.1).
func (r *Reader) UE() uint32 {
	zeros := 0
	for r.bit() == 0 {
		if zeros++; zeros > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.Bits(zeros)
}

// SE reads a signed Exp-Golomb number (ITU-T H.264, 9.1.1).
func (r *Reader) SE() int32 {
	v := r.UE()
	if v%2 == 0 {
		return -int32(v / 2)
	}
	return int32(v/2) + 1
}
