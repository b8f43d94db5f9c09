package codec

import "github.com/gospool/spool/pipeline/media"

// H265 is ISO/IEC 23008-2. The parameter sets of a track are first all VPS, then all SPS, then all PPS.
var H265 = Register(Codec{
	CodecTraits: media.CodecTraits{Name: "h265", Kind: media.Video, ParameterSets: true},
	Title:       "H.265",
	NAL:         nal265,
	Describe:    nal265.describe,
	MIME:        mime265,
	Brand:       "hvc1",
	Entry:       entry265,
	standalone:  newStandalone265,
})
