package codec

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/media"
)

// standalone264 holds the parameter sets of the track, and the memory for the picture that its method picture
// returns.
type standalone264 struct {
	h264Sets
	written uint32 // number of pictures changed to IDR pictures
	out     []byte
}

func newStandalone264(t *media.Track) func(au []byte) ([]byte, bool) {
	s := &standalone264{}
	s.take(t.ParameterSets...)
	return s.picture
}

func (s *standalone264) add(nal []byte) {
	s.out = binary.BigEndian.AppendUint32(s.out, uint32(len(nal)))
	s.out = append(s.out, nal...)
}

// picture implements Standalone.Picture. It changes an I picture with a recovery point of 0 frames to an IDR
// picture, and returns an IDR picture unchanged. It also stores the parameter sets in au for later pictures.
func (s *standalone264) picture(au []byte) ([]byte, bool) {
	idr, recovery, slices := false, false, false
	ok := nals(au, func(nal []byte) bool {
		switch nal[0] & 0x1f {
		case idr264:
			idr = true
		case sei264:
			recovery = recovery || recoversAtOnce(nal)
		case sps264, pps264:
			s.take(nal)
		}
		return true
	})
	if !ok || idr || !recovery {
		return au, ok && idr
	}
	s.out = s.out[:0]
	// The idr_pic_id of consecutive IDR pictures must differ (7.4.3). Encoders count it up from 0 and seldom reach
	// these two values.
	id := 65534 + s.written&1
	ok = nals(au, func(nal []byte) bool {
		switch nal[0] & 0x1f {
		case slice264:
			made := s.asIDR(nal, id)
			if made == nil {
				return false
			}
			s.add(made)
			slices = true
		case 2, 3, 4: // data partitions
			return false
		default:
			s.add(nal)
		}
		return true
	})
	if ok && slices {
		s.written++
	}
	return s.out, ok && slices
}

// recoversAtOnce reports whether an SEI NAL unit contains a recovery point of 0 frames (ITU-T H.264, D.1.8).
func recoversAtOnce(nal []byte) bool {
	frames, ok := seiRecoveryPoint(unescape(nil, nal[1:]))
	return ok && frames == 0
}

// asIDR returns a slice of an I picture as a slice of an IDR picture (ITU-T H.264, 7.3.3) whose idr_pic_id is
// id: frame_num is 0, and no reference pictures remain. It returns nil for a slice of another type, for a slice
// of a single field, and if the parameter sets of the slice are not known. The result is valid until the next
// call.
func (h *h264Sets) asIDR(nal []byte, id uint32) []byte {
	h.rbsp = unescape(h.rbsp[:0], nal[1:])
	r := &BitReader{b: h.rbsp}
	refIDC := nal[0] & 0x60
	w := writer{b: append(h.made[:0], max(refIDC, 0x20)|idr264)}
	w.ue(r.UE()) // first_mb_in_slice
	kind := r.UE()
	w.ue(kind)
	pps, sps := h.of(r.UE())
	if pps == nil || kind != 2 && kind != 7 {
		return nil
	}
	w.ue(pps.id)
	if sps.SeparateColourPlaneFlag {
		w.u(2, r.Bits(2))
	}
	frameNum := int(sps.Log2MaxFrameNumMinus4) + 4
	r.Skip(frameNum)
	w.u(frameNum, 0)
	if !sps.FrameMbsOnlyFlag {
		if r.Flag() {
			return nil
		}
		w.u(1, 0) // field_pic_flag
	}
	w.ue(id) // idr_pic_id
	switch {
	case sps.PicOrderCntType == 0:
		lsb, bottom := int(sps.Log2MaxPicOrderCntLsbMinus4)+4, int32(0)
		r.Skip(lsb)
		if pps.fieldOrder {
			bottom = r.SE()
		}
		w.u(lsb, uint32(max(0, -bottom))) // the field that is output first has the count 0 (8.2.1)
		if pps.fieldOrder {
			w.se(bottom)
		}
	case sps.PicOrderCntType == 1 && !sps.DeltaPicOrderAlwaysZeroFlag:
		r.SE()
		w.se(0)
		if pps.fieldOrder {
			w.se(r.SE())
		}
	}
	if pps.redundant {
		if r.UE() != 0 {
			return nil
		}
		w.ue(0)
	}
	if refIDC != 0 {
		skipMarking(r)
	}
	w.u(2, 0)    // no_output_of_prior_pics_flag, long_term_reference_flag
	w.se(r.SE()) // slice_qp_delta
	if pps.cabac {
		if pps.deblocking {
			off := r.UE()
			if w.ue(off); off != 1 {
				w.se(r.SE())
				w.se(r.SE())
			}
		}
		r.Skip((8 - r.pos%8) % 8)
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

// skipMarking skips dec_ref_pic_marking of a picture that is not an IDR picture (ITU-T H.264, 7.3.3.3).
func skipMarking(r *BitReader) {
	if !r.Flag() {
		return
	}
	for !r.short {
		switch r.UE() {
		case 0:
			return
		case 3:
			r.UE()
			r.UE()
		case 1, 2, 4, 6:
			r.UE()
		}
	}
}
