package codec

// NAL unit types of H.265 (table 7-1).
const (
	blaWLP265 = 16
	blaNLP265 = 18
	cra265    = 21
	vps265    = 32
	sps265    = 33
	pps265    = 34
)

var nal265 = &NAL{
	Sets: SetTypes{VPS: vps265, SPS: sps265, PPS: pps265}, FirstSaysSo: true,
	Role: role265, Begins: begins265, FirstSlice: firstSlice265, SlicePPS: slicePPS265,
	SetName: setName265, Picture: picture265, Equivalent: equivalent265,
	takeSet: (*SliceReader).takeSet265, readSlice: (*SliceReader).readSlice265,
}

func role265(nal []byte) Role {
	if len(nal) < 2 {
		return RoleBroken
	}
	r := RoleH265(nal[0] >> 1 & 0x3f)
	empty := len(nal) == 2 && r != RoleOther
	switch {
	case r == RoleUndefined:
		return r
	case nal[0]&0x80 != 0 || nal[1]&7 == 0 || empty: // forbidden_zero_bit, nuh_temporal_id_plus1
		return RoleBroken
	case nal[0]&1 != 0 || nal[1]&0xf8 != 0: // nuh_layer_id
		return RoleLayer
	}
	return r
}

// RoleH265 returns the role of a NAL unit type (ITU-T H.265, table 7-1). Types 16 to 21 are IRAP pictures.
func RoleH265(t byte) Role {
	switch {
	case t <= 9:
		return RolePicture
	case t >= 16 && t <= 21:
		return RoleKey
	case t >= 32 && t <= 34:
		return RoleSet
	case t == 35 || t == 38:
		return RoleIdle
	case t == 36 || t == 37 || t == 39 || t == 40:
		return RoleOther
	}
	return RoleUndefined
}

func begins265(nal []byte) bool {
	t := nal[0] >> 1 & 0x3f
	switch role265(nal) {
	case RoleSet:
		return true
	case RoleIdle:
		return t == 35
	case RoleOther:
		return t == 39
	}
	return false
}

func firstSlice265(nal []byte) bool { return nal[2]&0x80 != 0 } // first_slice_segment_in_pic_flag

// slicePPS265 reads slice_pic_parameter_set_id (ITU-T H.265, 7.3.6.1).
func slicePPS265(nal []byte) (id uint32, ok bool) {
	var room [24]byte // more than the fields up to slice_pic_parameter_set_id can take
	if len(nal) < 3 {
		return 0, false
	}
	t := nal[0] >> 1 & 0x3f
	r := BitReader{b: unescapeHead(room[:0], nal[2:])}
	r.Skip(1)    // first_slice_segment_in_pic_flag
	if t >= 16 { // IRAP
		r.Skip(1) // no_output_of_prior_pics_flag
	}
	id = r.UE()
	return id, t < 32 && !r.short && id < 64
}
