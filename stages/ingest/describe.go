package ingest

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// description is a track as its parameter sets tell it.
type description struct {
	track media.Track
	// depth is how many pictures may come before one that is shown before
	// them; depthUnknown where the stream does not say.
	depth  int
	fields bool // pictures may be coded as two fields
}

const depthUnknown = -1

// describe makes the description of a video track, by the sets that the unit at
// hand refers to.
func (s *paramSets) describe(timescale uint32) *description {
	d := &description{track: media.Track{Codec: s.codec, Timescale: timescale, ParameterSets: s.choose()}}
	if s.codec == codec.H265 {
		if sps, ok := readSPS265(s.inUse(nalSPS265)); ok {
			d.track.Width, d.track.Height = sps.Width(), sps.Height()
			d.depth = depth265(sps)
		}
		return d
	}
	if sps, ok := readSPS264(s.inUse(nalSPS264)); ok {
		d.track.Width, d.track.Height = sps.Width(), sps.Height()
		d.depth, d.fields = depth264(sps), !sps.FrameMbsOnlyFlag
	}
	return d
}

// depth264 follows ITU-T H.264, E.2.1: without bitstream_restriction a stream
// promises nothing, but for Baseline and for picture order count type 2, where
// output order is decoding order.
func depth264(s *h264.SPS) int {
	switch {
	case s.VUI != nil && s.VUI.BitstreamRestriction != nil:
		return min(int(s.VUI.BitstreamRestriction.MaxNumReorderFrames), maxDepth)
	case s.PicOrderCntType == 2, s.ProfileIdc == 66:
		return 0
	}
	return depthUnknown
}

// depth265 is sps_max_num_reorder_pics of the highest sub-layer.
func depth265(s *h265.SPS) int {
	if n := len(s.MaxNumReorderPics); n > 0 {
		return min(int(s.MaxNumReorderPics[n-1]), maxDepth)
	}
	return depthUnknown
}

// describeAAC makes the description of an AAC track from its AudioSpecificConfig.
func describeAAC(asc []byte, timescale uint32) (*description, error) {
	track, err := codec.Describe(codec.AAC, timescale, [][]byte{asc})
	if err != nil {
		return nil, err
	}
	return &description{track: track}, nil
}
