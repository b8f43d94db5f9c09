package rtp

import (
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// payloads are the codecs of NAL units that RTP carries. The depacketizer of any other
// comes with the description of its track (Config.Audio).
var payloads = map[media.Codec]func() depacketizer{
	codec.H264: func() depacketizer { return h264Payload{} },
	codec.H265: func() depacketizer { return &h265Payload{} },
}
