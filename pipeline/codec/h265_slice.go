package codec

// readSlice265 reads a slice segment header (ITU-T H.265, 7.3.6.1). For a segment that is not the first of its
// picture, it sets only OK, IDR and First, which is then 1.
func (h *SliceReader) readSlice265(nal []byte) (s SliceHeader) {
	t := nal[0] >> 1 & 0x3f
	s.OK, s.IDR = true, t == 19 || t == 20
	if nal[2]&0x80 == 0 { // first_slice_segment_in_pic_flag
		s.First = 1
		return s
	}
	r := escapedBits(nal[2:])
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
	if poc := r.Bits(int(sps.pocBits)); !r.short {
		s.POC, s.POCBits = poc, sps.pocBits
	}
	return s
}

func (h *SliceReader) takeSet265(nal []byte) {
	if len(nal) < 3 {
		return
	}
	switch nal[0] >> 1 & 0x3f {
	case sps265:
		h.readSPS265(nal)
	case pps265:
		r := escapedBits(nal[2:]) // 7.3.2.3.1
		id, sps := r.UE(), r.UE()
		r.Skip(1) // dependent_slice_segments_enabled
		p := headPPS{known: true, sps: uint8(sps & 15), output: r.Flag(), extra: uint8(r.Bits(3))}
		if !r.short && id < 64 && sps < 16 {
			h.pps[id] = p
		}
	}
}

// readSPS265 reads the fields of an SPS that slice headers depend on (ITU-T H.265, 7.3.2.2.1 and 7.3.3).
func (h *SliceReader) readSPS265(nal []byte) {
	r := escapedBits(nal[2:])
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
	if r.short || id >= 16 || bits > 16 {
		return
	}
	s.pocBits = uint8(bits)
	h.sps[id] = s
}
