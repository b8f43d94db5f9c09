package codec

// SliceHeader holds the fields of a slice header that distinguish pictures. Fields that do not
// apply to a codec or stream are zero.
type SliceHeader struct {
	OK        bool // the header was read: the slice's parameter sets are known
	Partition bool // no header: a slice data partition after the first (H.264, 7.3.2.9)
	Ref       bool // nal_ref_idc is not 0
	IDR       bool

	First     uint32 // address of the first macroblock
	PPS       uint32 // its id
	Plane     uint8  // colour_plane_id
	FrameNum  uint32
	Field     bool // of one field
	Bottom    bool // that is the bottom field
	IDRID     uint32
	POC       uint32 // the low bits of the picture order count
	POCBits   uint8  // their number; 0: the count is not in the header
	Delta     [2]int32
	Redundant uint32 // redundant_pic_cnt
}

// SliceReader reads slice headers by the parameter sets that came before them. It
// allocates nothing.
type SliceReader struct {
	nal *NAL
	sps [32]headSPS
	pps [256]headPPS
}

// NewSliceReader makes a reader of a codec's slices.
func NewSliceReader(n *NAL) SliceReader { return SliceReader{nal: n} }

// Set takes a parameter set in. One that cannot be read is as good as none.
func (h *SliceReader) Set(nal []byte) { h.nal.takeSet(h, nal) }

// Read reads the header of a slice.
func (h *SliceReader) Read(nal []byte) SliceHeader { return h.nal.readSlice(h, nal) }

// headSPS and headPPS hold the fields that slice headers are read with from parameter
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

// of returns the parameter sets of a slice by the number of its PPS.
func (h *SliceReader) of(pps uint32) (headPPS, headSPS, bool) {
	if pps >= uint32(len(h.pps)) || !h.pps[pps].known {
		return headPPS{}, headSPS{}, false
	}
	p := h.pps[pps]
	s := h.sps[p.sps]
	return p, s, s.known
}
