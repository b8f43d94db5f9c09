package h264

// Encoder codes the successive states of one mosaic as pictures.
//
// The NAL unit that IDR or P returns is valid until the next call of IDR or P, and that of Filler until the next
// call of Filler.
type Encoder struct {
	m        *Mosaic
	sps, pps []byte
	w        writer
	nal, sei []byte
	frameNum uint32 // of the next picture; 0 in an IDR picture
	idrID    uint32 // idr_pic_id of the next IDR picture; differs between consecutive ones
}

// NewEncoder returns an encoder of mosaic m, which NewMosaic made with the size in c. The caller calls IDR for the
// first picture. The error is that of c.Validate.
func NewEncoder(c Config, m *Mosaic) (*Encoder, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	level, err := c.level()
	if err != nil {
		return nil, err
	}
	return &Encoder{m: m, sps: c.sps(level), pps: pps()}, nil
}

// ParameterSets returns the SPS and the PPS as NAL units.
func (e *Encoder) ParameterSets() (sps, pps []byte) { return e.sps, e.pps }

// IDR codes the whole mosaic as an IDR picture and returns its NAL unit.
func (e *Encoder) IDR() []byte {
	e.w.Reset()
	e.frameNum = 0
	e.sliceHeader(true)
	e.idrID ^= 1
	for i := range e.m.dirty {
		e.macroblock(i%e.m.cols, i/e.m.cols, 0)
	}
	clear(e.m.dirty)
	return e.finish(headerIDR)
}

// P codes the changes since the last picture as a P picture and returns its NAL unit.
func (e *Encoder) P() []byte {
	e.w.Reset()
	e.sliceHeader(false)
	skip := uint32(0)
	for i, changed := range e.m.dirty {
		if !changed {
			skip++
			continue
		}
		e.w.ue(skip) // mb_skip_run
		skip = 0
		e.macroblock(i%e.m.cols, i/e.m.cols, 5) // the intra types follow the five inter types
	}
	if skip > 0 {
		e.w.ue(skip)
	}
	clear(e.m.dirty)
	return e.finish(headerP)
}

func (e *Encoder) finish(header byte) []byte {
	e.w.end()
	e.nal = appendNAL(e.nal[:0], header, e.w.Bytes())
	e.frameNum = (e.frameNum + 1) % (1 << frameNumBits)
	return e.nal
}

// sliceHeader writes the header of a slice that is a whole picture (7.3.3).
func (e *Encoder) sliceHeader(idr bool) {
	w := &e.w
	w.ue(0) // first_mb_in_slice
	if idr {
		w.ue(7) // I, as are all slices of the picture
	} else {
		w.ue(5) // P
	}
	w.ue(0)
	w.Put(e.frameNum, frameNumBits)
	if idr {
		w.ue(e.idrID)
		w.flag(false) // no_output_of_prior_pics
		w.flag(false) // long_term_reference
	} else {
		w.flag(false) // num_ref_idx_active_override
		w.flag(false) // ref_pic_list_modification
		w.flag(false) // adaptive_ref_pic_marking_mode
	}
	w.se(0) // slice_qp_delta
	w.ue(1) // disable_deblocking_filter_idc
}
