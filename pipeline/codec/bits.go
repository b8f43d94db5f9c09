package codec

// BitReader reads bits from the most significant on. What is past the end reads as 0
// and is remembered.
type BitReader struct {
	b       []byte
	escaped bool // b has emulation prevention bytes, which are passed over
	pos     int
	short   bool
}

// NewBitReader makes a reader of bytes, which it keeps.
func NewBitReader(b []byte) BitReader { return BitReader{b: b} }

// escapedBits makes a reader of the body of a NAL unit as it is sent.
func escapedBits(b []byte) BitReader { return BitReader{b: b, escaped: true} }

// Left returns the number of bits that were not read, emulation prevention among them.
func (r *BitReader) Left() int { return 8*len(r.b) - r.pos }

// Short reports whether more was read than there is.
func (r *BitReader) Short() bool { return r.short }

// Bits reads a number of n bits, 32 at most.
func (r *BitReader) Bits(n int) (v uint32) {
	if !r.escaped && r.Left() < n {
		r.pos, r.short = 8*len(r.b), true
		return 0
	}
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

func (r *BitReader) bit() uint32 {
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

// Flag reads one bit.
func (r *BitReader) Flag() bool { return r.bit() == 1 }

// Skip passes over bits.
func (r *BitReader) Skip(n int) {
	if r.escaped {
		for range n {
			r.bit()
		}
		return
	}
	r.short = r.short || r.Left() < n
	r.pos = min(r.pos+n, 8*len(r.b))
}

// UE reads an unsigned Exp-Golomb number (ITU-T H.264, 9.1).
func (r *BitReader) UE() uint32 {
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
func (r *BitReader) SE() int32 {
	v := r.UE()
	if v%2 == 0 {
		return -int32(v / 2)
	}
	return int32(v/2) + 1
}
