// Package h264 reads the NAL units of H.264 (ISO/IEC 14496-10, ITU-T H.264), and changes pictures so that a decoder
// can decode them alone.
package h264

import (
	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/codec/nalunit"
)

// NAL unit types of H.264 (table 7-1).
const (
	sliceType = 1
	idrType   = 5
	seiType   = 6

	SPSType = 7
	PPSType = 8
)

// Syntax holds the functions that read the NAL units.
var Syntax = &nalunit.Syntax{
	Sets: nalunit.SetTypes{SPS: SPSType, PPS: PPSType},
	Role: role, Begins: begins, FirstSlice: firstSlice, BrokenSlice: brokenSlice,
	SlicePPS: slicePPS, RecoveryPoint: recoveryPoint,
	SetName: setName, Picture: picture, Equivalent: equivalent,
	NewSliceReader: func() nalunit.SliceReader { return &sliceReader{} },
}

func role(nal []byte) nalunit.Role {
	r := RoleOfType(nal[0] & 0x1f)
	empty := len(nal) == 1 && r != nalunit.RoleOther && r != nalunit.RoleUndefined // an end of sequence or end of stream has no body
	if r != nalunit.RoleUndefined && nal[0]&0x80 != 0 || empty {
		return nalunit.RoleBroken
	}
	return r
}

// RoleOfType returns the role of a NAL unit type (ITU-T H.264, table 7-1). Types 13 and 19 belong to auxiliary
// coded pictures, and types 14 to 16, 20 and 21 to scalable and multiview layers.
func RoleOfType(t byte) nalunit.Role {
	switch t {
	case 1, 2, 3, 4:
		return nalunit.RolePicture
	case 5:
		return nalunit.RoleKey
	case 6:
		return nalunit.RoleSEI
	case 7, 8:
		return nalunit.RoleSet
	case 9, 12:
		return nalunit.RoleIdle
	case 10, 11, 13, 19:
		return nalunit.RoleOther
	case 14, 15, 16, 20, 21:
		return nalunit.RoleLayer
	}
	return nalunit.RoleUndefined
}

func begins(nal []byte) bool {
	switch r, t := role(nal), nal[0]&0x1f; r {
	case nalunit.RoleSet, nalunit.RoleSEI:
		return true
	case nalunit.RoleIdle:
		return t == 9
	case nalunit.RoleLayer:
		return t < 19
	}
	return false
}

func firstSlice(nal []byte) bool {
	t := nal[0] & 0x1f
	return (t == 1 || t == 2 || t == 5) && nal[1]&0x80 != 0 // first_mb_in_slice is 0
}

// brokenSlice implements nalunit.Syntax.BrokenSlice. The forbidden_zero_bit of a slice with RoleBroken and a body is set,
// by which the network marks the slice as damaged (RFC 6184, 1.3).
func brokenSlice(nal []byte) bool {
	r := RoleOfType(nal[0] & 0x1f)
	return len(nal) >= 2 && (r == nalunit.RolePicture || r == nalunit.RoleKey)
}

// slicePPS reads pic_parameter_set_id of a slice header (ITU-T H.264, 7.3.3).
func slicePPS(nal []byte) (id uint32, ok bool) {
	var room [24]byte // more than the fields up to pic_parameter_set_id can take
	switch nal[0] & 0x1f {
	case 1, 2, 5:
		r := bitstream.NewReader(bitstream.UnescapeHead(room[:0], nal[1:]))
		r.UE() // first_mb_in_slice
		r.UE() // slice_type
		id = r.UE()
		return id, !r.Short() && id < 256
	}
	return 0, false
}

// recoveryPoint finds a recovery point in an SEI NAL unit of H.264 (ITU-T H.264, D.1.8). frames is the number
// of frames after which the pictures are correct.
func recoveryPoint(nal []byte) (frames uint32, ok bool) {
	var room [256]byte
	return seiRecoveryPoint(bitstream.UnescapeHead(room[:0], nal[1:]))
}

// seiRecoveryPoint finds a recovery point in the body of an SEI NAL unit.
func seiRecoveryPoint(b []byte) (frames uint32, ok bool) {
	for len(b) >= 2 {
		kind, rest, ok := seiField(b)
		if !ok {
			return 0, false
		}
		size, rest, ok := seiField(rest)
		if !ok || size > len(rest) {
			return 0, false
		}
		if kind == 6 {
			r := bitstream.NewReader(rest[:size])
			n := r.UE()
			return n, !r.Short()
		}
		b = rest[size:]
	}
	return 0, false
}

// seiField reads a number that is coded as a sum of bytes, of which only the last is not 255 (ITU-T H.264,
// 7.3.2.3.1).
func seiField(b []byte) (n int, rest []byte, ok bool) {
	for i, v := range b {
		n += int(v)
		if v != 255 {
			return n, b[i+1:], true
		}
	}
	return 0, nil, false
}
