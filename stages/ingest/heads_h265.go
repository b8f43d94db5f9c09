package ingest

// slice265 follows ITU-T H.265, 7.3.6.1, as far as the first slice segment of a
// picture goes; all others say by their first bit that they are none.
func (h *heads) slice265(nal []byte) (s head) {
	t := nal[0] >> 1 & 0x3f
	s.ok, s.idr = true, t == 19 || t == 20
	if nal[2]&0x80 == 0 { // first_slice_segment_in_pic_flag
		s.first = 1
		return s
	}
	r := bitReader{b: nal[2:], escaped: true}
	r.bit()
	if t >= 16 && t <= 23 {
		r.bit() // no_output_of_prior_pics
	}
	pps, sps, known := h.of(r.ue())
	if !known {
		return s
	}
	if s.idr { // its count is 0
		s.pocBits = sps.pocBits
		return s
	}
	r.bits(int(pps.extra))
	r.ue() // slice_type
	if pps.output {
		r.bit()
	}
	if sps.planes {
		r.bits(2)
	}
	if poc := r.bits(int(sps.pocBits)); !r.failed {
		s.poc, s.pocBits = poc, sps.pocBits
	}
	return s
}

func (h *heads) set265(nal []byte) {
	if len(nal) < 3 {
		return
	}
	switch nal[0] >> 1 & 0x3f {
	case nalSPS265:
		h.sps265(nal)
	case nalPPS265:
		r := bitReader{b: nal[2:], escaped: true} // 7.3.2.3.1
		id, sps := r.ue(), r.ue()
		r.bit() // dependent_slice_segments_enabled
		p := headPPS{known: true, sps: uint8(sps & 15), output: r.bit() == 1, extra: uint8(r.bits(3))}
		if !r.failed && id < 64 && sps < 16 {
			h.pps[id] = p
		}
	}
}

// sps265 follows ITU-T H.265, 7.3.2.2.1 and 7.3.3.
func (h *heads) sps265(nal []byte) {
	r := bitReader{b: nal[2:], escaped: true}
	r.bits(4) // sps_video_parameter_set_id
	layers := int(r.bits(3))
	r.bit()
	skipBits(&r, 96) // profile_tier_level
	var present [8]uint32
	for i := range layers {
		present[i] = r.bits(2)
	}
	if layers > 0 {
		skipBits(&r, 2*(8-layers))
	}
	for _, p := range present[:layers] {
		skipBits(&r, int(p>>1*88+p&1*8))
	}
	id := r.ue()
	s := headSPS{known: true}
	if r.ue() == 3 {
		s.planes = r.bit() == 1
	}
	r.ue() // width
	r.ue() // height
	if r.bit() == 1 {
		for range 4 {
			r.ue()
		}
	}
	r.ue() // bit_depth_luma
	r.ue()
	bits := r.ue() + 4
	if r.failed || id >= 16 || bits > 16 {
		return
	}
	s.pocBits = uint8(bits)
	h.sps[id] = s
}

func skipBits(r *bitReader, n int) {
	for range n {
		r.bit()
	}
}
