package h264

import "fmt"

// Config describes a stream, for its parameter sets.
type Config struct {
	Width, Height              int // pixels, even
	FrameRateNum, FrameRateDen int // pictures a second, as a fraction
	Bitrate                    int // bits a second that the stream may need, for the choice of the level; 0: any level will do
}

// Validate returns an error if this package cannot code a stream with configuration c: if a side is odd or too
// small, if the frame rate is not positive, or if the stream exceeds the highest level.
func (c Config) Validate() error {
	switch {
	case c.Width < MacroblockSize || c.Height < MacroblockSize || c.Width%2 != 0 || c.Height%2 != 0:
		return fmt.Errorf("%dx%d is no picture size: both sides are even and at least %d", c.Width, c.Height, MacroblockSize)
	case c.FrameRateNum <= 0 || c.FrameRateDen <= 0:
		return fmt.Errorf("%d/%d is no frame rate", c.FrameRateNum, c.FrameRateDen)
	}
	_, err := c.level()
	return err
}

// Headers of NAL units: nal_ref_idc and nal_unit_type.
const (
	headerP   = 2<<5 | 1
	headerIDR = 3<<5 | 5
	headerSEI = 6
	headerSPS = 3<<5 | 7
	headerPPS = 3<<5 | 8
)

const (
	profileBaseline = 66
	qp              = 10 // see the comment of the package
	frameNumBits    = 16
	bt709           = 1
)

// sps returns the sequence parameter set (7.3.2.1).
func (c Config) sps(level uint8) []byte {
	var w writer
	w.Put(profileBaseline, 8)
	w.Put(0b11000000, 8) // constraint_set0 and 1: Constrained Baseline
	w.Put(uint32(level), 8)
	w.ue(0) // seq_parameter_set_id
	w.ue(frameNumBits - 4)
	w.ue(2) // pic_order_cnt_type: output order is decoding order
	w.ue(1) // max_num_ref_frames
	w.flag(false)
	cols, rows := macroblocks(c.Width), macroblocks(c.Height)
	w.ue(uint32(cols - 1))
	w.ue(uint32(rows - 1))
	w.flag(true) // frame_mbs_only
	w.flag(true) // direct_8x8_inference
	right, bottom := cols*MacroblockSize-c.Width, rows*MacroblockSize-c.Height
	w.flag(right > 0 || bottom > 0)
	if right > 0 || bottom > 0 {
		w.ue(0)
		w.ue(uint32(right / 2)) // in units of a chroma sample
		w.ue(0)
		w.ue(uint32(bottom / 2))
	}
	w.flag(true)
	c.vui(&w)
	w.end()
	return appendNAL(nil, headerSPS, w.Bytes())
}

// vui writes the VUI parameters, which decoding does not need (E.1.1).
func (c Config) vui(w *writer) {
	w.flag(true)
	w.Put(1, 8)   // aspect_ratio_idc: square pixels
	w.flag(false) // overscan_info
	w.flag(true)  // video_signal_type
	w.Put(5, 3)   // video_format: unspecified
	w.flag(false) // limited range
	w.flag(true)  // colour_description
	w.Put(bt709, 8)
	w.Put(bt709, 8)
	w.Put(bt709, 8)
	w.flag(false) // chroma_loc_info
	w.flag(true)  // timing_info: a tick is half a frame
	w.Put(uint32(c.FrameRateDen), 32)
	w.Put(uint32(2*c.FrameRateNum), 32)
	w.flag(true)  // fixed_frame_rate
	w.flag(false) // nal_hrd
	w.flag(false) // vcl_hrd
	w.flag(false) // pic_struct
	w.flag(true)  // bitstream_restriction
	w.flag(true)  // motion_vectors_over_pic_boundaries
	w.ue(0)       // no limit given
	w.ue(0)       // no limit given
	w.ue(0)
	w.ue(0)
	w.ue(0) // max_num_reorder_frames
	w.ue(1) // max_dec_frame_buffering
}

// pps returns the picture parameter set (7.3.2.2).
func pps() []byte {
	var w writer
	w.ue(0)       // pic_parameter_set_id
	w.ue(0)       // seq_parameter_set_id
	w.flag(false) // CAVLC
	w.flag(false)
	w.ue(0) // one slice group
	w.ue(0) // one reference in list 0
	w.ue(0)
	w.flag(false)
	w.Put(0, 2)
	w.se(qp - 26)
	w.se(0)
	w.se(0)       // chroma_qp_index_offset
	w.flag(true)  // deblocking_filter_control: slices turn it off
	w.flag(false) // constrained_intra_pred
	w.flag(false)
	w.end()
	return appendNAL(nil, headerPPS, w.Bytes())
}
