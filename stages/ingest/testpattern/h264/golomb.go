package h264

import (
	"math/bits"

	bitio "github.com/gospool/spool/stages/ingest/testpattern/bits"
)

// writer writes flags, and the Exp-Golomb codes of clause 9.1: ue(v) for unsigned and se(v) for signed numbers.
type writer struct{ bitio.Writer }

func (w *writer) flag(b bool) {
	var v uint32
	if b {
		v = 1
	}
	w.Put(v, 1)
}

func (w *writer) ue(v uint32) {
	n := uint(bits.Len32(v + 1))
	w.Put(0, n-1)
	w.Put(v+1, n)
}

func (w *writer) se(v int32) {
	if v > 0 {
		w.ue(uint32(2*v - 1))
	} else {
		w.ue(uint32(-2 * v))
	}
}

// end writes rbsp_trailing_bits (7.3.2.11): a bit 1, and zeros up to a whole byte.
func (w *writer) end() {
	w.Put(1, 1)
	w.Align()
}

// appendNAL appends a NAL unit of a header byte and an RBSP to dst. It inserts emulation prevention bytes (7.4.1),
// so that the unit contains no start code.
func appendNAL(dst []byte, header byte, rbsp []byte) []byte {
	dst = append(dst, header)
	zeros := 0
	for _, b := range rbsp {
		if zeros == 2 && b <= 3 {
			dst = append(dst, 3)
			zeros = 0
		}
		dst = append(dst, b)
		if zeros++; b != 0 {
			zeros = 0
		}
	}
	return dst
}
