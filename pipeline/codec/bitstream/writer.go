package bitstream

import (
	"bytes"
	mathbits "math/bits"
)

// Writer appends bits to B, the most significant bit of a byte first.
type Writer struct {
	B    []byte
	free int // unused bits of the last byte
}

// Bits writes the lowest n bits of v. n is at most 32.
func (w *Writer) Bits(n int, v uint32) {
	for n > 0 {
		if w.free == 0 {
			w.B, w.free = append(w.B, 0), 8
		}
		k := min(n, w.free)
		n, w.free = n-k, w.free-k
		w.B[len(w.B)-1] |= byte(v>>n) & (1<<k - 1) << w.free
	}
}

// UE writes an unsigned Exp-Golomb number (ITU-T H.264, 9.1). v is at most 1<<32-2.
func (w *Writer) UE(v uint32) {
	n := mathbits.Len32(v + 1)
	w.Bits(n-1, 0)
	w.Bits(n, v+1)
}

// SE writes a signed Exp-Golomb number (ITU-T H.264, 9.1.1).
func (w *Writer) SE(v int32) {
	if v > 0 {
		w.UE(uint32(v)*2 - 1)
	} else {
		w.UE(uint32(-v) * 2)
	}
}

// AlignOnes fills the unused bits of the last byte with ones, as cabac_alignment_one_bit demands.
func (w *Writer) AlignOnes() { w.Bits(w.free, 1<<w.free-1) }

// Rest copies the unread bits of r up to the last 1 bit, which ends an RBSP (rbsp_stop_one_bit). Zeros after
// that bit are left out.
func (w *Writer) Rest(r *Reader) {
	r.b = bytes.TrimRight(r.b, "\x00") // removes cabac_zero_words
	for r.pos%8 != 0 && r.Left() > 0 {
		w.Bits(1, r.Bits(1))
	}
	if w.free == 0 {
		w.B = append(w.B, r.b[min(r.pos/8, len(r.b)):]...)
		return
	}
	for r.Left() > 0 {
		w.Bits(8, r.Bits(8))
	}
	w.B = bytes.TrimRight(w.B, "\x00")
}
