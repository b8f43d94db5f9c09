package rtp

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/codec/mpeg4visual"
	"github.com/gospool/spool/pipeline/media"
)

// mpeg4 makes the Config of MPEG-4 part 2 (RFC 6416, 7.1). Headers in the description that cannot be read are left out:
// the stream may have them, too. A payload is a part of the stream, and the packets of a VOP have one time (RFC 6416, 5).
func (f *Format) mpeg4(of media.Codec) (Config, error) {
	c := f.pictures(of, &plainPayload{mpeg4visual.Begins})
	sets := [][]byte{hexDigits(f.value(aacConfig))}
	if _, err := codec.Describe(of, VideoClockHz, sets); err == nil {
		c.Track.ParameterSets = sets
	}
	return c, nil
}
