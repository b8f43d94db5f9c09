package h264

import (
	"bytes"
	"reflect"

	parser "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/guard"
)

func setName(nal []byte) (n nalunit.SetName, ok bool) {
	var room [64]byte
	n.Kind = nal[0] & 0x1f
	body := bitstream.UnescapeHead(room[:0], nal[1:])
	if n.Kind == SPSType { // the id follows profile_idc, constraints and level_idc (7.3.2.1.1)
		r := bitstream.NewReader(body[min(3, len(body)):])
		n.ID = r.UE()
		return n, !r.Short() && n.ID < 32
	}
	r := bitstream.NewReader(body)
	n.ID, n.Refers = r.UE(), r.UE()
	return n, !r.Short() && n.ID < 256 && n.Refers < 32
}

func parseSPS(nal []byte) (*parser.SPS, bool) {
	var sps parser.SPS
	if guard.Call(func() error { return sps.Unmarshal(nal) }) != nil {
		return nil, false
	}
	return &sps, nalunit.StorableSize(sps.Width(), sps.Height())
}

func picture(nal []byte) (nalunit.Picture, bool) {
	sps, ok := parseSPS(nal)
	if !ok {
		return nalunit.Picture{}, false
	}
	return nalunit.Picture{Width: sps.Width(), Height: sps.Height(), Depth: depth(sps), Fields: !sps.FrameMbsOnlyFlag}, true
}

// depth returns Picture.Depth of an SPS (ITU-T H.264, E.2.1). Without bitstream_restriction, it returns 0
// for the Baseline profile and for picture order count type 2, whose output order is the decoding order, and
// nalunit.DepthUnknown for any other SPS.
func depth(s *parser.SPS) int {
	switch {
	case s.VUI != nil && s.VUI.BitstreamRestriction != nil:
		return int(min(s.VUI.BitstreamRestriction.MaxNumReorderFrames, nalunit.MaxDepth))
	case s.PicOrderCntType == 2, s.ProfileIdc == 66:
		return 0
	}
	return nalunit.DepthUnknown
}

func equivalent(kind uint8, a, b []byte) bool {
	switch {
	case bytes.Equal(a[1:], b[1:]):
		return true
	case kind == SPSType:
		x, okX := parseSPS(a)
		y, okY := parseSPS(b)
		return okX && okY && reflect.DeepEqual(bare(x), bare(y))
	}
	return false
}

// bare removes fields of the VUI that a decoder does not need (ITU-T H.264, annex E): timing and buffer
// model. It keeps bitstream_restriction, which decoders and the derived decoding times use.
func bare(s *parser.SPS) *parser.SPS {
	if s.VUI != nil {
		v := *s.VUI
		v.TimingInfo, v.NalHRD, v.VclHRD, v.LowDelayHrdFlag = nil, nil, nil, false
		s.VUI = &v
	}
	return s
}
