package codec

// bits reads bits from the most significant on. What is past the end reads as 0
// and sets short.
type bits struct {
	b     []byte
	pos   int
	short bool
}

// left is the number of bits that were not read.
func (r *bits) left() int { return 8*len(r.b) - r.pos }

func (r *bits) u(n int) (v uint32) {
	if r.left() < n {
		r.pos, r.short = 8*len(r.b), true
		return 0
	}
	for range n {
		v = v<<1 | uint32(r.b[r.pos/8]>>(7-r.pos%8)&1)
		r.pos++
	}
	return v
}

func (r *bits) flag() bool { return r.u(1) == 1 }

// skip passes over bits.
func (r *bits) skip(n int) {
	r.short = r.short || r.left() < n
	r.pos = min(r.pos+n, 8*len(r.b))
}

// ue reads an unsigned Exp-Golomb number (ITU-T H.264, 9.1).
func (r *bits) ue() uint32 {
	zeros := 0
	for r.u(1) == 0 {
		if zeros++; zeros > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.u(zeros)
}

func (r *bits) se() int32 {
	v := r.ue()
	if v%2 == 0 {
		return -int32(v / 2)
	}
	return int32(v/2) + 1
}
