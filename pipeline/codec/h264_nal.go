package codec

// NAL unit types of H.264 (table 7-1).
const (
	slice264 = 1
	idr264   = 5
	sei264   = 6
	sps264   = 7
	pps264   = 8
)

var nal264 = &NAL{
	Sets: SetTypes{SPS: sps264, PPS: pps264},
	Role: role264, Begins: begins264, FirstSlice: firstSlice264, BrokenSlice: brokenSlice264,
	SlicePPS: slicePPS264, RecoveryPoint: recoveryPoint,
	SetName: setName264, Picture: picture264, Equivalent: equivalent264,
	takeSet: (*SliceReader).takeSet264, readSlice: (*SliceReader).readSlice264,
}

func role264(nal []byte) Role {
	r := RoleH264(nal[0] & 0x1f)
	empty := len(nal) == 1 && r != RoleOther && r != RoleUndefined // an end of sequence or end of stream has no body
	if r != RoleUndefined && nal[0]&0x80 != 0 || empty {
		return RoleBroken
	}
	return r
}

// RoleH264 returns the role of a NAL unit type (ITU-T H.264, table 7-1). Types 13 and 19 belong to auxiliary
// coded pictures, and types 14 to 16, 20 and 21 to scalable and multiview layers.
func RoleH264(t byte) Role {
	switch t {
	case 1, 2, 3, 4:
		return RolePicture
	case 5:
		return RoleKey
	case 6:
		return RoleSEI
	case 7, 8:
		return RoleSet
	case 9, 12:
		return RoleIdle
	case 10, 11, 13, 19:
		return RoleOther
	case 14, 15, 16, 20, 21:
		return RoleLayer
	}
	return RoleUndefined
}

func begins264(nal []byte) bool {
	switch r, t := role264(nal), nal[0]&0x1f; r {
	case RoleSet, RoleSEI:
		return true
	case RoleIdle:
		return t == 9
	case RoleLayer:
		return t < 19
	}
	return false
}

func firstSlice264(nal []byte) bool {
	t := nal[0] & 0x1f
	return (t == 1 || t == 2 || t == 5) && nal[1]&0x80 != 0 // first_mb_in_slice is 0
}

// brokenSlice264 implements NAL.BrokenSlice. The forbidden_zero_bit of a slice with RoleBroken and a body is set,
// by which the network marks the slice as damaged (RFC 6184, 1.3).
func brokenSlice264(nal []byte) bool {
	r := RoleH264(nal[0] & 0x1f)
	return len(nal) >= 2 && (r == RolePicture || r == RoleKey)
}

// slicePPS264 reads pic_parameter_set_id of a slice header (ITU-T H.264, 7.3.3).
func slicePPS264(nal []byte) (id uint32, ok bool) {
	var room [24]byte // more than the fields up to pic_parameter_set_id can take
	switch nal[0] & 0x1f {
	case 1, 2, 5:
		r := BitReader{b: unescapeHead(room[:0], nal[1:])}
		r.UE() // first_mb_in_slice
		r.UE() // slice_type
		id = r.UE()
		return id, !r.short && id < 256
	}
	return 0, false
}

// recoveryPoint finds a recovery point in an SEI NAL unit of H.264 (ITU-T H.264, D.1.8). frames is the number
// of frames after which the pictures are correct.
func recoveryPoint(nal []byte) (frames uint32, ok bool) {
	var room [256]byte
	return seiRecoveryPoint(unescapeHead(room[:0], nal[1:]))
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
			r := BitReader{b: rest[:size]}
			n := r.UE()
			return n, !r.short
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
