package exec

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// byteStreamCodec returns the codec of a byte stream by one of its NAL units. ok is false if the NAL unit is of no kind with
// which a stream begins.
func byteStreamCodec(nal []byte) (c media.Codec, ok bool) {
	if len(nal) < 2 || nal[0]&0x80 != 0 {
		return 0, false
	}
	// H.265 (7.3.1.2): six bits of the type, six of the layer, three of the temporal layer plus 1. VPS, SPS, PPS, delimiter, SEI.
	if kind := nal[0] >> 1; nal[0]&1 == 0 && nal[1] == 1 && (kind >= 32 && kind <= 35 || kind == 39) {
		return codec.H265, true
	}
	switch nal[0] & 0x1f { // H.264 (7.3.1): a slice, SEI, SPS, PPS, delimiter
	case 1, 5, 6, 7, 8, 9:
		return codec.H264, true
	}
	return 0, false
}
