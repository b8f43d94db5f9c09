package codec

import (
	"bytes"
	mathbits "math/bits"
)

// writer appends bits to b, the most significant bit of a byte first.
type writer struct {
	b    []byte
	free int // unused bits of the last byte
}

func (w *writer) u(n int, v uint32) {
	for n > 0 {
		if w.free == 0 {
			w.b, w.free = append(w.b, 0), 8
		}
		k := min(n, w.free)
		n, w.free = n-k, w.free-k
		w.b[len(w.b)-1] |= byte(v>>n) & (1<<k - 1) << w.free
	}
}

// ue writes an unsigned Exp-Golomb number (ITU-T H.264, 9.1). v is at most 1<<32-2.
func (w *writer) ue(v uint32) {
	n := mathbits.Len32(v + 1)
	w.u(n-1, 0)
	w.u(n, v+1)
}

func (w *writer) se(v int32) {
	if v > 0 {
		w.ue(uint32(v)*2 - 1)
	} else {
		w.ue(uint32(-v) * 2)
	}
}

// ones fills the unused bits of the last byte with ones, as cabac_alignment_one_bit demands.
func (w *writer) ones() { w.u(w.free, 1<<w.free-1) }

// rest copies the unread bits of r up to the last 1 bit, which ends an RBSP (rbsp_stop_one_bit). Zeros after
// that bit are left out.
func (w *writer) rest(r *BitReader) {
	r.b = bytes.TrimRight(r.b, "\x00") // removes cabac_zero_words
	for r.pos%8 != 0 && r.Left() > 0 {
		w.u(1, r.Bits(1))
	}
	if w.free == 0 {
		w.b = append(w.b, r.b[min(r.pos/8, len(r.b)):]...)
		return
	}
	for r.Left() > 0 {
		w.u(8, r.Bits(8))
	}
	w.b = bytes.TrimRight(w.b, "\x00")
}

// unescape appends the body of a NAL unit to out, without emulation prevention bytes.
func unescape(out, body []byte) []byte {
	zeros := 0
	for _, v := range body {
		if zeros >= 2 && v == 3 {
			zeros = 0
			continue
		}
		if zeros++; v != 0 {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}

// escape appends a NAL unit to out, with emulation prevention bytes.
func escape(out, nal []byte) []byte {
	zeros := 0
	for _, v := range nal {
		if zeros >= 2 && v <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; v != 0 {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}
