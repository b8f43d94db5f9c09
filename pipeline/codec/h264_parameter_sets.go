package codec

import (
	"bytes"
	"reflect"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/gospool/spool/pipeline/guard"
)

func setName264(nal []byte) (n SetName, ok bool) {
	var room [64]byte
	n.Kind = nal[0] & 0x1f
	body := unescapeHead(room[:0], nal[1:])
	if n.Kind == sps264 { // the id follows profile_idc, constraints and level_idc (7.3.2.1.1)
		r := BitReader{b: body[min(3, len(body)):]}
		n.ID = r.UE()
		return n, !r.short && n.ID < 32
	}
	r := BitReader{b: body}
	n.ID, n.Refers = r.UE(), r.UE()
	return n, !r.short && n.ID < 256 && n.Refers < 32
}

func parseSPS264(nal []byte) (*h264.SPS, bool) {
	var sps h264.SPS
	if guard.Call(func() error { return sps.Unmarshal(nal) }) != nil {
		return nil, false
	}
	return &sps, saneSize(sps.Width(), sps.Height())
}

func saneSize(w, h int) bool { return w > 0 && h > 0 && w <= 65535 && h <= 65535 }

func picture264(nal []byte) (Picture, bool) {
	sps, ok := parseSPS264(nal)
	if !ok {
		return Picture{}, false
	}
	return Picture{Width: sps.Width(), Height: sps.Height(), Depth: depth264(sps), Fields: !sps.FrameMbsOnlyFlag}, true
}

// depth264 returns Picture.Depth of an SPS (ITU-T H.264, E.2.1). Without bitstream_restriction, it returns 0
// for the Baseline profile and for picture order count type 2, whose output order is the decoding order, and
// DepthUnknown for any other SPS.
func depth264(s *h264.SPS) int {
	switch {
	case s.VUI != nil && s.VUI.BitstreamRestriction != nil:
		return int(min(s.VUI.BitstreamRestriction.MaxNumReorderFrames, maxDepth))
	case s.PicOrderCntType == 2, s.ProfileIdc == 66:
		return 0
	}
	return DepthUnknown
}

func equivalent264(kind uint8, a, b []byte) bool {
	switch {
	case bytes.Equal(a[1:], b[1:]):
		return true
	case kind == sps264:
		x, okX := parseSPS264(a)
		y, okY := parseSPS264(b)
		return okX && okY && reflect.DeepEqual(bare264(x), bare264(y))
	}
	return false
}

// bare264 removes fields of the VUI that a decoder does not need (ITU-T H.264, annex E): timing and buffer
// model. It keeps bitstream_restriction, which decoders and the derived decoding times use.
func bare264(s *h264.SPS) *h264.SPS {
	if s.VUI != nil {
		v := *s.VUI
		v.TimingInfo, v.NalHRD, v.VclHRD, v.LowDelayHrdFlag = nil, nil, nil, false
		s.VUI = &v
	}
	return s
}
