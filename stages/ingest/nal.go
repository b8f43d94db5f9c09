package ingest

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// role is what a NAL unit is to a recorder.
type role uint8

const (
	roleOther     role = iota // kept: SEI of H.265, end of sequence, auxiliary pictures
	rolePicture               // a slice
	roleKey                   // a slice of a picture that a decoder can start at
	roleSet                   // a parameter set: kept out of the stream
	roleIdle                  // delimiter or filler: of no use in a file
	roleSEI                   // kept, and may tell of a recovery point
	roleLayer                 // of an enhancement layer: left out, the base layer is whole without it
	roleUndefined             // of a type that no standard gives a meaning: left out
	roleBroken                // its header contradicts the standard: left out
)

// roleOf reads a NAL unit's header. The NAL unit is not empty.
//
// A unit that is left out is none that a decoder of the base layer needs: ITU-T
// H.264, 7.4.1, and H.265, 7.4.2.2, have it ignore those types and layers. In a
// file they have no place either: layers belong to sample entries of their own
// (ISO/IEC 14496-15, clauses 6 to 9).
func roleOf(coding media.Codec, nal []byte) role {
	if coding == codec.H265 {
		return roleOf265(nal)
	}
	r := roleH264(nal[0] & 0x1f)
	empty := len(nal) == 1 && r != roleOther && r != roleUndefined // the end of a sequence has no body
	if r != roleUndefined && nal[0]&0x80 != 0 || empty {
		return roleBroken
	}
	return r
}

func roleOf265(nal []byte) role {
	if len(nal) < 2 {
		return roleBroken
	}
	r := roleH265(nal[0] >> 1 & 0x3f)
	empty := len(nal) == 2 && r != roleOther
	switch {
	case r == roleUndefined:
		return r
	case nal[0]&0x80 != 0 || nal[1]&7 == 0 || empty: // forbidden_zero_bit, nuh_temporal_id_plus1
		return roleBroken
	case nal[0]&1 != 0 || nal[1]&0xf8 != 0: // nuh_layer_id
		return roleLayer
	}
	return r
}

// roleH264 follows ITU-T H.264, table 7-1. 13 and 19 are of auxiliary coded
// pictures, 14 to 16, 20 and 21 of scalable and multiview layers.
func roleH264(t byte) role {
	switch t {
	case 1, 2, 3, 4:
		return rolePicture
	case 5:
		return roleKey
	case 6:
		return roleSEI
	case 7, 8:
		return roleSet
	case 9, 12:
		return roleIdle
	case 10, 11, 13, 19:
		return roleOther
	case 14, 15, 16, 20, 21:
		return roleLayer
	}
	return roleUndefined
}

// roleH265 follows ITU-T H.265, table 7-1. Types 16 to 21 are IRAP.
func roleH265(t byte) role {
	switch {
	case t <= 9:
		return rolePicture
	case t >= 16 && t <= 21:
		return roleKey
	case t >= 32 && t <= 34:
		return roleSet
	case t == 35 || t == 38:
		return roleIdle
	case t == 36 || t == 37 || t == 39 || t == 40:
		return roleOther
	}
	return roleUndefined
}

// begins reports whether a NAL unit that is no slice, behind a picture, is part of
// the next one (ITU-T H.264, 7.4.1.2.3; H.265, 7.4.2.4.4).
func begins(coding media.Codec, nal []byte) bool {
	switch r := roleOf(coding, nal); {
	case r == roleSet || r == roleSEI:
		return true
	case coding == codec.H265:
		t := nal[0] >> 1 & 0x3f
		return r == roleIdle && t == 35 || r == roleOther && t == 39
	default:
		t := nal[0] & 0x1f
		return r == roleIdle && t == 9 || r == roleLayer && t < 19
	}
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
	return unescapeInto(make([]byte, 0, min(len(b), limit)), b)
}

// unescapeInto does so up to the capacity of what it appends to.
func unescapeInto(out, b []byte) []byte {
	zeros := 0
	for _, v := range b {
		if len(out) == cap(out) {
			break
		}
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
	b       []byte
	escaped bool // b has emulation prevention bytes, which are passed over
	pos     int
	failed  bool
}

func (r *bitReader) bit() uint32 {
	if i := r.pos / 8; r.escaped && r.pos%8 == 0 && i >= 2 && i < len(r.b) && r.b[i] == 3 && r.b[i-1]|r.b[i-2] == 0 {
		r.pos += 8
	}
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

// se reads a signed Exp-Golomb number (ITU-T H.264, 9.1.1).
func (r *bitReader) se() int32 {
	v := r.ue()
	if v%2 == 0 {
		return -int32(v / 2)
	}
	return int32(v/2) + 1
}
