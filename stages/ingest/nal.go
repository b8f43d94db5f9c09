package ingest

import "github.com/gospool/spool/pipeline/media"

// role is what a NAL unit is to a recorder.
type role uint8

const (
	roleOther   role = iota // kept: SEI, end of sequence, and what is not known
	rolePicture             // a slice
	roleKey                 // a slice of a picture that a decoder can start at
	roleSet                 // a parameter set: kept out of the stream
	roleIdle                // delimiter or filler: of no use in a file
	roleSEI                 // kept, and may tell of a recovery point
)

// roleOf reads a NAL unit's header. The NAL unit is not empty.
func roleOf(codec media.Codec, nal []byte) role {
	if codec == media.H265 {
		return roleH265(nal[0] >> 1 & 0x3f)
	}
	return roleH264(nal[0] & 0x1f)
}

// roleH264 follows ITU-T H.264, table 7-1.
func roleH264(t byte) role {
	switch t {
	case 1, 2, 3, 4, 19, 20, 21:
		return rolePicture
	case 5:
		return roleKey
	case 6:
		return roleSEI
	case 7, 8:
		return roleSet
	case 9, 12:
		return roleIdle
	}
	return roleOther
}

// roleH265 follows ITU-T H.265, table 7-1. Types 16 to 23 are IRAP.
func roleH265(t byte) role {
	switch {
	case t >= 16 && t <= 23:
		return roleKey
	case t < 32:
		return rolePicture
	case t >= 32 && t <= 34:
		return roleSet
	case t == 35 || t == 38:
		return roleIdle
	}
	return roleOther
}

// recoveryPoint looks for a recovery point in an H.264 SEI NAL unit (ITU-T
// H.264, D.1.8): frames is the number of frames until the picture is whole.
func recoveryPoint(nal []byte) (frames uint32, ok bool) {
	b := unescape(nal[1:], 256)
	for len(b) >= 2 {
		kind, rest, ok := seiNumber(b)
		if !ok {
			return 0, false
		}
		size, rest, ok := seiNumber(rest)
		if !ok || size > len(rest) {
			return 0, false
		}
		if kind == 6 {
			r := bitReader{b: rest[:size]}
			n := r.ue()
			return n, !r.failed
		}
		b = rest[size:]
	}
	return 0, false
}

// seiNumber reads a number of 255s and a last byte (ITU-T H.264, 7.3.2.3.1).
func seiNumber(b []byte) (n int, rest []byte, ok bool) {
	for i, v := range b {
		n += int(v)
		if v != 255 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}

// unescape takes the emulation prevention bytes out of the first bytes of a NAL
// unit's body.
func unescape(b []byte, limit int) []byte {
	if len(b) > limit {
		b = b[:limit]
	}
	out := make([]byte, 0, len(b))
	zeros := 0
	for _, v := range b {
		if zeros >= 2 && v == 3 {
			zeros = 0
			continue
		}
		if v == 0 {
			zeros++
		} else {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}

// bitReader reads bits from the most significant on. What is past the end is 0
// and sets failed.
type bitReader struct {
	b      []byte
	pos    int
	failed bool
}

func (r *bitReader) bit() uint32 {
	if r.pos >= 8*len(r.b) {
		r.failed = true
		return 0
	}
	v := r.b[r.pos/8] >> (7 - r.pos%8) & 1
	r.pos++
	return uint32(v)
}

func (r *bitReader) bits(n int) (v uint32) {
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// ue reads an unsigned Exp-Golomb number (ITU-T H.264, 9.1).
func (r *bitReader) ue() uint32 {
	zeros := 0
	for r.bit() == 0 {
		if zeros++; zeros > 31 || r.failed {
			r.failed = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}
