package ingest

// slice264 follows ITU-T H.264, 7.3.3. The first slice data partition begins with
// a slice header, too; the others have none.
func (h *heads) slice264(nal []byte) (s head) {
	s.ref, s.idr = nal[0]&0x60 != 0, nal[0]&0x1f == 5
	if t := nal[0] & 0x1f; t == 3 || t == 4 {
		s.partition = true
		return s
	}
	r := bitReader{b: nal[1:], escaped: true}
	s.first = r.ue()
	r.ue() // slice_type
	s.pps = r.ue()
	pps, sps, known := h.of(s.pps)
	if r.failed || !known {
		return s
	}
	if sps.planes {
		s.plane = uint8(r.bits(2))
	}
	s.frameNum = r.bits(int(sps.frameNumBits))
	if !sps.framesOnly {
		if s.field = r.bit() == 1; s.field {
			s.bottom = r.bit() == 1
		}
	}
	if s.idr {
		s.idrID = r.ue()
	}
	switch {
	case sps.pocType == 0:
		s.poc, s.pocBits = r.bits(int(sps.pocBits)), sps.pocBits
		if pps.delta && !s.field {
			s.delta[0] = r.se()
		}
	case sps.pocType == 1 && !sps.noDelta:
		s.delta[0] = r.se()
		if pps.delta && !s.field {
			s.delta[1] = r.se()
		}
	}
	if pps.redundant {
		s.redundant = r.ue()
	}
	s.ok = !r.failed
	return s
}

// differs is the standard's rule for the first slice of another primary coded
// picture (ITU-T H.264, 7.4.1.2.4).
func (s *head) differs(before *head) bool {
	return s.frameNum != before.frameNum || s.pps != before.pps ||
		s.field != before.field || s.bottom != before.bottom ||
		s.ref != before.ref || s.idr != before.idr || s.idrID != before.idrID ||
		s.poc != before.poc || s.delta != before.delta
}

// completes reports whether a field of another picture is the second one of the
// frame that another field began (ITU-T H.264, 3.30 and 3.31).
func (s *head) completes(before *head) bool {
	return s.field && before.field && s.bottom != before.bottom && s.frameNum == before.frameNum && !s.idr
}

// startsPlane reports whether a slice has the first macroblock of a colour plane,
// of which a primary coded picture has one.
func (s *head) startsPlane() bool { return s.ok && s.first == 0 && s.redundant == 0 }

func (h *heads) set264(nal []byte) {
	if len(nal) < 5 && nal[0]&0x1f == nalSPS264 {
		return
	}
	if nal[0]&0x1f == nalSPS264 {
		h.sps264(nal)
		return
	}
	h.pps264(nal)
}

// sps264 follows ITU-T H.264, 7.3.2.1.1.
func (h *heads) sps264(nal []byte) {
	profile := nal[1]
	r := bitReader{b: nal[1:], escaped: true}
	r.bits(24) // profile_idc, constraints, level_idc
	id := r.ue()
	var s headSPS
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		chroma := r.ue()
		if chroma == 3 {
			s.planes = r.bit() == 1
		}
		r.ue() // bit_depth_luma
		r.ue()
		r.bit()           // qpprime_y_zero_transform_bypass
		if r.bit() == 1 { // seq_scaling_matrix_present
			scalingLists(&r, chroma)
		}
	}
	frameNumBits := r.ue() + 4
	pocType := r.ue()
	switch pocType {
	case 0:
		s.pocBits = uint8(min(r.ue(), 99)) + 4
	case 1:
		s.noDelta = r.bit() == 1
		r.ue() // offset_for_non_ref_pic
		r.ue()
		for range min(r.ue(), 255) {
			r.ue()
		}
	}
	r.ue()  // max_num_ref_frames
	r.bit() // gaps_in_frame_num_value_allowed
	r.ue()  // width
	r.ue()  // height
	s.framesOnly = r.bit() == 1
	if r.failed || id >= 32 || frameNumBits > 16 || pocType > 2 || s.pocBits > 16 {
		return
	}
	s.known, s.frameNumBits, s.pocType = true, uint8(frameNumBits), uint8(pocType)
	h.sps[id] = s
}

// scalingLists passes over the lists of an SPS (ITU-T H.264, 7.3.2.1.1.1).
func scalingLists(r *bitReader, chroma uint32) {
	lists := 8
	if chroma == 3 {
		lists = 12
	}
	for i := range lists {
		if r.bit() == 0 || r.failed {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		last, next := int32(8), int32(8)
		for range size {
			if next != 0 {
				next = (last + r.se()) & 0xff
			}
			if next != 0 {
				last = next
			}
		}
	}
}

// pps264 follows ITU-T H.264, 7.3.2.2.
func (h *heads) pps264(nal []byte) {
	r := bitReader{b: nal[1:], escaped: true}
	id, sps := r.ue(), r.ue()
	r.bit() // entropy_coding_mode
	p := headPPS{known: true, delta: r.bit() == 1}
	if groups := r.ue(); groups > 0 {
		sliceGroups(&r, groups)
	}
	r.ue() // num_ref_idx_l0_default_active
	r.ue()
	r.bits(3) // weighted prediction
	r.se()    // pic_init_qp
	r.se()
	r.se()    // chroma_qp_index_offset
	r.bits(2) // deblocking_filter_control_present, constrained_intra_pred
	p.redundant = r.bit() == 1
	if r.failed || id >= 256 || sps >= 32 {
		return
	}
	p.sps = uint8(sps)
	h.pps[id] = p
}

// sliceGroups passes over the map of slice groups of a PPS, of which there are
// groups+1.
func sliceGroups(r *bitReader, groups uint32) {
	groups = min(groups, 7)
	switch kind := r.ue(); kind {
	case 0:
		for range groups + 1 {
			r.ue()
		}
	case 2:
		for range 2 * groups {
			r.ue()
		}
	case 3, 4, 5:
		r.bit()
		r.ue()
	case 6:
		bits := 1
		for 1<<bits < groups+1 {
			bits++
		}
		for n := r.ue(); ; n-- {
			if r.bits(bits); n == 0 || r.failed {
				return
			}
		}
	}
}
