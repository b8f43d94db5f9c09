package codec

import "github.com/gospool/spool/pipeline/media"

// H264 is ISO/IEC 14496-10. The parameter sets of a track are first all SPS and then all PPS.
var H264 = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "h264", Kind: media.Video, ParameterSets: true},
	Title:       "H.264",
	NAL:         nal264,
	Describe:    nal264.describe,
	MIME:        mime264,
	Brand:       "avc1",
	Entry:       entry264,
	standalone:  newStandalone264,
})
