package codec

// SliceHeader holds the fields of a slice header that distinguish pictures. A field that the codec or the
// stream does not have is zero.
type SliceHeader struct {
	OK        bool // the header was read, which needs the parameter sets that it names
	Partition bool // the slice is a data partition after the first and has no header (ITU-T H.264, 7.3.2.9)
	Ref       bool // nal_ref_idc is not 0: other pictures refer to this one
	IDR       bool

	First     uint32 // first_mb_in_slice; in H.265 0 for the first segment of a picture, else 1
	PPS       uint32 // id of its PPS
	Plane     uint8  // colour_plane_id
	FrameNum  uint32
	Field     bool // the picture is one field of a frame
	Bottom    bool // that field is the bottom field
	IDRID     uint32
	POC       uint32 // low bits of the picture order count
	POCBits   uint8  // number of these bits; 0 if the header does not contain them
	Delta     [2]int32
	Redundant uint32 // redundant_pic_cnt
}

// SliceReader reads slice headers with the parameter sets that Set stored before. It does not allocate.
type SliceReader struct {
	nal *NAL
	sps [32]headSPS
	pps [256]headPPS
}

// NewSliceReader returns a reader for a codec's slices.
func NewSliceReader(n *NAL) SliceReader { return SliceReader{nal: n} }

// Set stores a parameter set for the following slices. It ignores a set that cannot be read.
func (h *SliceReader) Set(nal []byte) { h.nal.takeSet(h, nal) }

// Read reads the header of a slice. SliceHeader.OK is false if the header cannot be read.
func (h *SliceReader) Read(nal []byte) SliceHeader { return h.nal.readSlice(h, nal) }

// headSPS and headPPS hold the fields of parameter sets on which the form of a slice header depends.
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

// of returns the parameter sets of a slice, given the id of its PPS, and false if one of them is not known.
func (h *SliceReader) of(pps uint32) (headPPS, headSPS, bool) {
	if pps >= uint32(len(h.pps)) || !h.pps[pps].known {
		return headPPS{}, headSPS{}, false
	}
	p := h.pps[pps]
	s := h.sps[p.sps]
	return p, s, s.known
}
