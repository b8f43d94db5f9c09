package ingest

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// head is the part of a slice header that tells pictures apart. What does not
// apply to a codec or stream is zero.
type head struct {
	ok        bool // it could be read: the slice's parameter sets are known
	partition bool // it has none: a slice data partition behind the first (H.264, 7.3.2.9)
	ref       bool // nal_ref_idc is not 0
	idr       bool

	first     uint32 // address of the first macroblock
	pps       uint32
	plane     uint8 // colour_plane_id
	frameNum  uint32
	field     bool // of one field
	bottom    bool // that is the bottom field
	idrID     uint32
	poc       uint32 // the low bits of the picture order count
	pocBits   uint8  // their number; 0: the count is not in the header
	delta     [2]int32
	redundant uint32 // redundant_pic_cnt
}

// heads reads slice headers by the parameter sets that came before them. It
// allocates nothing.
type heads struct {
	codec media.Codec
	sps   [32]headSPS
	pps   [256]headPPS
}

// headSPS and headPPS are what the reading of slice headers takes from parameter
// sets.
type headSPS struct {
	known        bool
	planes       bool // separate_colour_plane_flag
	frameNumBits uint8
	pocType      uint8
	pocBits      uint8
	noDelta      bool // delta_pic_order_always_zero_flag
	framesOnly   bool // frame_mbs_only_flag
}

type headPPS struct {
	known     bool
	sps       uint8
	delta     bool  // bottom_field_pic_order_in_frame_present_flag
	redundant bool  // redundant_pic_cnt_present_flag
	output    bool  // output_flag_present_flag
	extra     uint8 // num_extra_slice_header_bits
}

// set takes a parameter set in. One that cannot be read is as good as none.
func (h *heads) set(nal []byte) {
	if h.codec == codec.H265 {
		h.set265(nal)
		return
	}
	h.set264(nal)
}

// read reads the header of a slice.
func (h *heads) read(nal []byte) head {
	if h.codec == codec.H265 {
		return h.slice265(nal)
	}
	return h.slice264(nal)
}

// of is the parameter sets of a slice by the number of its PPS.
func (h *heads) of(pps uint32) (headPPS, headSPS, bool) {
	if pps >= uint32(len(h.pps)) || !h.pps[pps].known {
		return headPPS{}, headSPS{}, false
	}
	p := h.pps[pps]
	s := h.sps[p.sps]
	return p, s, s.known
}

// startsPicture reports whether a NAL unit is certain to begin a picture, so that
// what is missing before it is of another one.
func startsPicture(coding media.Codec, nal []byte) bool {
	switch r := roleOf(coding, nal); {
	case r != rolePicture && r != roleKey:
		return begins(coding, nal)
	case coding == codec.H265:
		return nal[2]&0x80 != 0 // first_slice_segment_in_pic_flag
	}
	t := nal[0] & 0x1f
	return (t == 1 || t == 2 || t == 5) && nal[1]&0x80 != 0 // first_mb_in_slice is 0
}
