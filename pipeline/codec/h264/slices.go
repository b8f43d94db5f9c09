package h264

import (
	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/codec/nalunit"
)

// sliceReader implements nalunit.SliceReader.
type sliceReader struct {
	sps [32]headSPS
	pps [256]headPPS
}

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
	delta     bool // bottom_field_pic_order_in_frame_present_flag
	redundant bool // redundant_pic_cnt_present_flag
}

// of returns the parameter sets of a slice, given the id of its PPS, and false if one of them is not known.
func (h *sliceReader) of(pps uint32) (headPPS, headSPS, bool) {
	if pps >= uint32(len(h.pps)) || !h.pps[pps].known {
		return headPPS{}, headSPS{}, false
	}
	p := h.pps[pps]
	s := h.sps[p.sps]
	return p, s, s.known
}

// Read implements nalunit.SliceReader: it reads a slice header (ITU-T H.264, 7.3.3). The first data partition of a slice begins with a
// slice header, too; the other partitions have none.
func (h *sliceReader) Read(nal []byte) (s nalunit.SliceHeader) {
	s.Ref, s.IDR = nal[0]&0x60 != 0, nal[0]&0x1f == 5
	if t := nal[0] & 0x1f; t == 3 || t == 4 {
		s.Partition = true
		return s
	}
	r := bitstream.NewEscapedReader(nal[1:])
	s.First = r.UE()
	r.UE() // slice_type
	s.PPS = r.UE()
	pps, sps, known := h.of(s.PPS)
	if r.Short() || !known {
		return s
	}
	if sps.planes {
		s.Plane = uint8(r.Bits(2))
	}
	s.FrameNum = r.Bits(int(sps.frameNumBits))
	if !sps.framesOnly {
		if s.Field = r.Flag(); s.Field {
			s.Bottom = r.Flag()
		}
	}
	if s.IDR {
		s.IDRID = r.UE()
	}
	switch {
	case sps.pocType == 0:
		s.POC, s.POCBits = r.Bits(int(sps.pocBits)), sps.pocBits
		if pps.delta && !s.Field {
			s.Delta[0] = r.SE()
		}
	case sps.pocType == 1 && !sps.noDelta:
		s.Delta[0] = r.SE()
		if pps.delta && !s.Field {
			s.Delta[1] = r.SE()
		}
	}
	if pps.redundant {
		s.Redundant = r.UE()
	}
	s.OK = !r.Short()
	return s
}

// Set implements nalunit.SliceReader.
func (h *sliceReader) Set(nal []byte) {
	if len(nal) < 5 && nal[0]&0x1f == SPSType {
		return
	}
	if nal[0]&0x1f == SPSType {
		h.readSPS(nal)
		return
	}
	h.readPPS(nal)
}

// readSPS reads the fields of an SPS that slice headers depend on (ITU-T H.264, 7.3.2.1.1).
func (h *sliceReader) readSPS(nal []byte) {
	profile := nal[1]
	r := bitstream.NewEscapedReader(nal[1:])
	r.Bits(24) // profile_idc, constraints, level_idc
	id := r.UE()
	var s headSPS
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		chroma := r.UE()
		if chroma == 3 {
			s.planes = r.Flag()
		}
		r.UE() // bit_depth_luma
		r.UE()
		r.Skip(1)     // qpprime_y_zero_transform_bypass
		if r.Flag() { // seq_scaling_matrix_present
			scalingLists(&r, chroma)
		}
	}
	frameNumBits := r.UE() + 4
	pocType := r.UE()
	switch pocType {
	case 0:
		s.pocBits = uint8(min(r.UE(), 99)) + 4
	case 1:
		s.noDelta = r.Flag()
		r.UE() // offset_for_non_ref_pic
		r.UE()
		for range min(r.UE(), 255) {
			r.UE()
		}
	}
	r.UE()    // max_num_ref_frames
	r.Skip(1) // gaps_in_frame_num_value_allowed
	r.UE()    // width
	r.UE()    // height
	s.framesOnly = r.Flag()
	if r.Short() || id >= 32 || frameNumBits > 16 || pocType > 2 || s.pocBits > 16 {
		return
	}
	s.known, s.frameNumBits, s.pocType = true, uint8(frameNumBits), uint8(pocType)
	h.sps[id] = s
}

// scalingLists skips the scaling lists of an SPS (ITU-T H.264, 7.3.2.1.1.1).
func scalingLists(r *bitstream.Reader, chroma uint32) {
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if !r.Flag() || r.Short() {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := int32(8), int32(8)
		for range size {
			if next != 0 {
				next = (last + r.SE()) & 0xff
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// readPPS reads the fields of a PPS that slice headers depend on (ITU-T H.264, 7.3.2.2).
func (h *sliceReader) readPPS(nal []byte) {
	r := bitstream.NewEscapedReader(nal[1:])
	id, sps := r.UE(), r.UE()
	r.Skip(1) // entropy_coding_mode
	p := headPPS{known: true, delta: r.Flag()}
	if groups := r.UE(); groups > 0 {
		sliceGroups(&r, groups)
	}
	r.UE() // num_ref_idx_l0_default_active
	r.UE()
	r.Bits(3) // weighted prediction
	r.SE()    // pic_init_qp
	r.SE()
	r.SE()    // chroma_qp_index_offset
	r.Bits(2) // deblocking_filter_control_present, constrained_intra_pred
	p.redundant = r.Flag()
	if r.Short() || id >= 256 || sps >= 32 {
		return
	}
	p.sps = uint8(sps)
	h.pps[id] = p
}

// sliceGroups skips the slice group map of a PPS; groups is num_slice_groups_minus1.
func sliceGroups(r *bitstream.Reader, groups uint32) {
	groups = min(groups, 7)
	switch kind := r.UE(); kind {
	case 0:
		for range groups + 1 {
			r.UE()
		}
	case 2:
		for range 2 * groups {
			r.UE()
		}
	case 3, 4, 5:
		r.Skip(1)
		r.UE()
	case 6:
		bits := 1
		for 1<<bits < groups+1 {
			bits++
		}
		for n := r.UE(); ; n-- {
			if r.Bits(bits); n == 0 || r.Short() {
				return
			}
		}
	}
}
