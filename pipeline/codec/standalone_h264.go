package codec

// NAL unit types of H.264 (table 7-1).
const (
	slice264 = 1
	idr264   = 5
	sei264   = 6
	sps264   = 7
	pps264   = 8
)

// picture264 makes of an I picture with a recovery point of 0 frames an IDR picture.
func (s *Standalone) picture264(au []byte) ([]byte, bool) {
	idr, recovery, slices := false, false, false
	ok := nals(au, func(nal []byte) bool {
		switch nal[0] & 0x1f {
		case idr264:
			idr = true
		case sei264:
			recovery = recovery || recoversAtOnce(nal)
		case sps264, pps264:
			s.h264.take(nal)
		}
		return true
	})
	if !ok || idr || !recovery {
		return au, ok && idr
	}
	s.out = s.out[:0]
	id := 65534 + s.made&1 // no encoder comes so far; two that follow each other differ (7.4.3)
	ok = nals(au, func(nal []byte) bool {
		switch nal[0] & 0x1f {
		case slice264:
			made := s.h264.asIDR(nal, id)
			if made == nil {
				return false
			}
			s.add(made)
			slices = true
		case 2, 3, 4: // in partitions
			return false
		default:
			s.add(nal)
		}
		return true
	})
	if ok && slices {
		s.made++
	}
	return s.out, ok && slices
}

// recoversAtOnce reports whether an SEI NAL unit has a recovery point of 0 frames
// (D.1.8).
func recoversAtOnce(nal []byte) bool {
	r := &bits{b: unescape(nil, nal[1:])}
	for r.left() >= 16 {
		kind, size := seiNumber(r), seiNumber(r)
		if r.short || size > r.left()/8 {
			return false
		}
		if kind == 6 {
			return r.ue() == 0 && !r.short
		}
		r.skip(8 * size)
	}
	return false
}

// seiNumber reads a number of 255s and a last byte (7.3.2.3.1).
func seiNumber(r *bits) (n int) {
	for {
		v := int(r.u(8))
		n += v
		if v != 255 {
			return n
		}
	}
}

// asIDR writes a slice of an I picture as one of an IDR picture (7.3.3): the first
// frame of a sequence, before which nothing is remembered. It gives nil where the
// slice is of another kind, of a single field, or its sets are not known.
func (h *h264Sets) asIDR(nal []byte, id uint32) []byte {
	h.rbsp = unescape(h.rbsp[:0], nal[1:])
	r := &bits{b: h.rbsp}
	refIDC := nal[0] & 0x60
	w := writer{b: append(h.made[:0], max(refIDC, 0x20)|idr264)}
	w.ue(r.ue()) // first_mb_in_slice
	kind := r.ue()
	w.ue(kind)
	pps, sps := h.of(r.ue())
	if pps == nil || kind != 2 && kind != 7 {
		return nil
	}
	w.ue(pps.id)
	if sps.SeparateColourPlaneFlag {
		w.u(2, r.u(2))
	}
	frameNum := int(sps.Log2MaxFrameNumMinus4) + 4
	r.skip(frameNum)
	w.u(frameNum, 0)
	if !sps.FrameMbsOnlyFlag {
		if r.flag() {
			return nil
		}
		w.u(1, 0) // field_pic_flag
	}
	w.ue(id) // idr_pic_id
	switch {
	case sps.PicOrderCntType == 0:
		lsb, bottom := int(sps.Log2MaxPicOrderCntLsbMinus4)+4, int32(0)
		r.skip(lsb)
		if pps.fieldOrder {
			bottom = r.se()
		}
		w.u(lsb, uint32(max(0, -bottom))) // the first field shown is at 0 (8.2.1)
		if pps.fieldOrder {
			w.se(bottom)
		}
	case sps.PicOrderCntType == 1 && !sps.DeltaPicOrderAlwaysZeroFlag:
		r.se()
		w.se(0)
		if pps.fieldOrder {
			w.se(r.se())
		}
	}
	if pps.redundant {
		if r.ue() != 0 {
			return nil
		}
		w.ue(0)
	}
	if refIDC != 0 {
		skipMarking(r)
	}
	w.u(2, 0)    // no_output_of_prior_pics_flag, long_term_reference_flag
	w.se(r.se()) // slice_qp_delta
	if pps.cabac {
		if pps.deblocking {
			off := r.ue()
			if w.ue(off); off != 1 {
				w.se(r.se())
				w.se(r.se())
			}
		}
		r.skip((8 - r.pos%8) % 8)
		w.ones()
	}
	if r.short {
		return nil
	}
	w.rest(r)
	h.made = w.b
	h.nal = escape(h.nal[:0], w.b)
	return h.nal
}

// skipMarking passes over the dec_ref_pic_marking of a picture that is no IDR
// (7.3.3.3).
func skipMarking(r *bits) {
	if !r.flag() {
		return
	}
	for !r.short {
		switch r.ue() {
		case 0:
			return
		case 3:
			r.ue()
			r.ue()
		case 1, 2, 4, 6:
			r.ue()
		}
	}
}
