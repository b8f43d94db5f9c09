package h265

import (
	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/codec/nalunit"
)

// sliceReader implements nalunit.SliceReader.
type sliceReader struct {
	sps [16]headSPS
	pps [64]headPPS
}

// headSPS and headPPS hold the fields of parameter sets on which the form of a slice header depends.
type headSPS struct {
	known   bool
	planes  bool // separate_colour_plane_flag
	pocBits uint8
}

type headPPS struct {
	known  bool
	sps    uint8
	output bool  // output_flag_present_flag
	extra  uint8 // num_extra_slice_header_bits
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

// Read implements nalunit.SliceReader: it reads a slice segment header (ITU-T H.265, 7.3.6.1). For a segment that is not the first of its
// picture, it sets only OK, IDR and First, which is then 1.
func (h *sliceReader) Read(nal []byte) (s nalunit.SliceHeader) {
	t := nal[0] >> 1 & 0x3f
	s.OK, s.IDR = true, t == 19 || t == 20
	if nal[2]&0x80 == 0 { // first_slice_segment_in_pic_flag
		s.First = 1
		return s
	}
	r := bitstream.NewEscapedReader(nal[2:])
	r.Skip(1)
	if t >= 16 && t <= 23 {
		r.Skip(1) // no_output_of_prior_pics
	}
	pps, sps, known := h.of(r.UE())
	if !known {
		return s
	}
	if s.IDR { // the picture order count of an IDR picture is 0
		s.POCBits = sps.pocBits
		return s
	}
	r.Bits(int(pps.extra))
	r.UE() // slice_type
	if pps.output {
		r.Skip(1)
	}
	if sps.planes {
		r.Bits(2)
	}
	if poc := r.Bits(int(sps.pocBits)); !r.Short() {
		s.POC, s.POCBits = poc, sps.pocBits
	}
	return s
}

// Set implements nalunit.SliceReader.
func (h *sliceReader) Set(nal []byte) {
	if len(nal) < 3 {
		return
	}
	switch nal[0] >> 1 & 0x3f {
	case SPSType:
		h.readSPS(nal)
	case PPSType:
		r := bitstream.NewEscapedReader(nal[2:]) // 7.3.2.3.1
		id, sps := r.UE(), r.UE()
		r.Skip(1) // dependent_slice_segments_enabled
		p := headPPS{known: true, sps: uint8(sps & 15), output: r.Flag(), extra: uint8(r.Bits(3))}
		if !r.Short() && id < 64 && sps < 16 {
			h.pps[id] = p
		}
	}
}

// readSPS reads the fields of an SPS that slice headers depend on (ITU-T H.265, 7.3.2.2.1 and 7.3.3).
func (h *sliceReader) readSPS(nal []byte) {
	r := bitstream.NewEscapedReader(nal[2:])
	r.Bits(4) // sps_video_parameter_set_id
	layers := int(r.Bits(3))
	r.Skip(1)
	r.Skip(96) // profile_tier_level
	var present [8]uint32
	for i := range layers {
		present[i] = r.Bits(2)
	}
	if layers > 0 {
		r.Skip(2 * (8 - layers))
	}
	for _, p := range present[:layers] {
		r.Skip(int(p>>1*88 + p&1*8))
	}
	id := r.UE()
	s := headSPS{known: true}
	if r.UE() == 3 {
		s.planes = r.Flag()
	}
	r.UE() // width
	r.UE() // height
	if r.Flag() {
		for range 4 {
			r.UE()
		}
	}
	r.UE() // bit_depth_luma
	r.UE()
	bits := r.UE() + 4
	if r.Short() || id >= 16 || bits > 16 {
		return
	}
	s.pocBits = uint8(bits)
	h.sps[id] = s
}
