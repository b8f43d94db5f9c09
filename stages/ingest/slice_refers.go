package ingest

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// slicePPS is the id of the picture parameter set that a slice refers to (ITU-T
// H.264, 7.3.3; H.265, 7.3.6.1). Of a NAL unit that is no slice, or one whose header
// cannot be read, nothing is known. It allocates nothing.
func slicePPS(coding media.Codec, nal []byte) (id uint32, ok bool) {
	var room [24]byte // more than the fields before it can take
	if coding == codec.H265 {
		if len(nal) < 3 {
			return 0, false
		}
		t := nal[0] >> 1 & 0x3f
		r := bitReader{b: unescapeInto(room[:0], nal[2:])}
		r.bit()      // first_slice_segment_in_pic_flag
		if t >= 16 { // IRAP
			r.bit() // no_output_of_prior_pics_flag
		}
		id = r.ue()
		return id, t < 32 && !r.failed && id < 64
	}
	switch nal[0] & 0x1f {
	case 1, 2, 5:
		r := bitReader{b: unescapeInto(room[:0], nal[1:])}
		r.ue() // first_mb_in_slice
		r.ue() // slice_type
		id = r.ue()
		return id, !r.failed && id < 256
	}
	return 0, false
}
