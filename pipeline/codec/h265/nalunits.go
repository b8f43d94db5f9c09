// Package h265 reads the NAL units of H.265 (ISO/IEC 23008-2, ITU-T H.265), and changes pictures so that a decoder
// can decode them alone.
package h265

import (
	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/codec/nalunit"
)

// NAL unit types of H.265 (table 7-1).
const (
	blaWLPType = 16
	blaNLPType = 18
	craType    = 21

	VPSType = 32
	SPSType = 33
	PPSType = 34
)

// Syntax holds the functions that read the NAL units.
var Syntax = &nalunit.Syntax{
	Sets: nalunit.SetTypes{VPS: VPSType, SPS: SPSType, PPS: PPSType}, FirstSaysSo: true,
	Role: role, Begins: begins, FirstSlice: firstSlice, SlicePPS: slicePPS,
	SetName: setName, Picture: picture, Equivalent: equivalent,
	NewSliceReader: func() nalunit.SliceReader { return &sliceReader{} },
}

func role(nal []byte) nalunit.Role {
	if len(nal) < 2 {
		return nalunit.RoleBroken
	}
	r := RoleOfType(nal[0] >> 1 & 0x3f)
	empty := len(nal) == 2 && r != nalunit.RoleOther
	switch {
	case r == nalunit.RoleUndefined:
		return r
	case nal[0]&0x80 != 0 || nal[1]&7 == 0 || empty: // forbidden_zero_bit, nuh_temporal_id_plus1
		return nalunit.RoleBroken
	case nal[0]&1 != 0 || nal[1]&0xf8 != 0: // nuh_layer_id
		return nalunit.RoleLayer
	}
	return r
}

// RoleOfType returns the role of a NAL unit type (ITU-T H.265, table 7-1). Types 16 to 21 are IRAP pictures.
func RoleOfType(t byte) nalunit.Role {
	switch {
	case t <= 9:
		return nalunit.RolePicture
	case t >= 16 && t <= 21:
		return nalunit.RoleKey
	case t >= 32 && t <= 34:
		return nalunit.RoleSet
	case t == 35 || t == 38:
		return nalunit.RoleIdle
	case t == 36 || t == 37 || t == 39 || t == 40:
		return nalunit.RoleOther
	}
	return nalunit.RoleUndefined
}

func begins(nal []byte) bool {
	t := nal[0] >> 1 & 0x3f
	switch role(nal) {
	case nalunit.RoleSet:
		return true
	case nalunit.RoleIdle:
		return t == 35
	case nalunit.RoleOther:
		return t == 39
	}
	return false
}

func firstSlice(nal []byte) bool { return nal[2]&0x80 != 0 } // first_slice_segment_in_pic_flag

// slicePPS reads slice_pic_parameter_set_id (ITU-T H.265, 7.3.6.1).
func slicePPS(nal []byte) (id uint32, ok bool) {
	var room [24]byte // more than the fields up to slice_pic_parameter_set_id can take
	if len(nal) < 3 {
		return 0, false
	}
	t := nal[0] >> 1 & 0x3f
	r := bitstream.NewReader(bitstream.UnescapeHead(room[:0], nal[2:]))
	r.Skip(1)    // first_slice_segment_in_pic_flag
	if t >= 16 { // IRAP
		r.Skip(1) // no_output_of_prior_pics_flag
	}
	id = r.UE()
	return id, t < 32 && !r.Short() && id < 64
}
