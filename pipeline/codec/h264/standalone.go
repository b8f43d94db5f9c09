package h264

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/codec/nalunit"
)

// Standalone finds the pictures of a track that can be decoded without other pictures. It holds the parameter sets
// of the track, and the memory for the picture that Picture returns.
type Standalone struct {
	sets
	written uint32 // number of pictures changed to IDR pictures
	out     []byte
}

// NewStandalone returns a Standalone for a track with the parameter sets parameterSets.
func NewStandalone(parameterSets [][]byte) *Standalone {
	s := &Standalone{}
	s.take(parameterSets...)
	return s
}

func (s *Standalone) add(nal []byte) {
	s.out = binary.BigEndian.AppendUint32(s.out, uint32(len(nal)))
	s.out = append(s.out, nal...)
}

// Picture implements codec.Standalone.Picture. It changes an I picture with a recovery point of 0 frames to an IDR
// picture, and returns an IDR picture unchanged. It also stores the parameter sets in au for later pictures.
func (s *Standalone) Picture(au []byte) ([]byte, bool) {
	idr, recovery, slices := false, false, false
	ok := nalunit.Each(au, func(nal []byte) bool {
		switch nal[0] & 0x1f {
		case idrType:
			idr = true
		case seiType:
			recovery = recovery || recoversAtOnce(nal)
		case SPSType, PPSType:
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
	ok = nalunit.Each(au, func(nal []byte) bool {
		switch nal[0] & 0x1f {
		case sliceType:
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
	frames, ok := seiRecoveryPoint(bitstream.Unescape(nil, nal[1:]))
	return ok && frames == 0
}

// asIDR returns a slice of an I picture as a slice of an IDR picture (ITU-T H.264, 7.3.3) whose idr_pic_id is
// id: frame_num is 0, and no reference pictures remain. It returns nil for a slice of another type, for a slice
// of a single field, and if the parameter sets of the slice are not known. The result is valid until the next
// call.
func (h *sets) asIDR(nal []byte, id uint32) []byte {
	h.rbsp = bitstream.Unescape(h.rbsp[:0], nal[1:])
	r := bitstream.NewReader(h.rbsp)
	refIDC := nal[0] & 0x60
	w := bitstream.Writer{B: append(h.made[:0], max(refIDC, 0x20)|idrType)}
	w.UE(r.UE()) // first_mb_in_slice
	kind := r.UE()
	w.UE(kind)
	pps, sps := h.of(r.UE())
	if pps == nil || kind != 2 && kind != 7 {
		return nil
	}
	w.UE(pps.id)
	if sps.SeparateColourPlaneFlag {
		w.Bits(2, r.Bits(2))
	}
	frameNum := int(sps.Log2MaxFrameNumMinus4) + 4
	r.Skip(frameNum)
	w.Bits(frameNum, 0)
	if !sps.FrameMbsOnlyFlag {
		if r.Flag() {
			return nil
		}
		w.Bits(1, 0) // field_pic_flag
	}
	w.UE(id) // idr_pic_id
	switch {
	case sps.PicOrderCntType == 0:
		lsb, bottom := int(sps.Log2MaxPicOrderCntLsbMinus4)+4, int32(0)
		r.Skip(lsb)
		if pps.fieldOrder {
			bottom = r.SE()
		}
		w.Bits(lsb, uint32(max(0, -bottom))) // the field that is output first has the count 0 (8.2.1)
		if pps.fieldOrder {
			w.SE(bottom)
		}
	case sps.PicOrderCntType == 1 && !sps.DeltaPicOrderAlwaysZeroFlag:
		r.SE()
		w.SE(0)
		if pps.fieldOrder {
			w.SE(r.SE())
		}
	}
	if pps.redundant {
		if r.UE() != 0 {
			return nil
		}
		w.UE(0)
	}
	if refIDC != 0 {
		skipMarking(&r)
	}
	w.Bits(2, 0) // no_output_of_prior_pics_flag, long_term_reference_flag
	w.SE(r.SE()) // slice_qp_delta
	if pps.cabac {
		if pps.deblocking {
			off := r.UE()
			if w.UE(off); off != 1 {
				w.SE(r.SE())
				w.SE(r.SE())
			}
		}
		r.Align()
		w.AlignOnes()
	}
	if r.Short() {
		return nil
	}
	w.Rest(&r)
	h.made = w.B
	h.nal = bitstream.Escape(h.nal[:0], w.B)
	return h.nal
}

// skipMarking skips dec_ref_pic_marking of a picture that is not an IDR picture (ITU-T H.264, 7.3.3.3).
func skipMarking(r *bitstream.Reader) {
	if !r.Flag() {
		return
	}
	for !r.Short() {
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
