package codec

import (
	"reflect"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/gospool/spool/pipeline/guard"
)

// setName265 implements NAL.SetName (ITU-T H.265, 7.3.2.1 to 7.3.2.3). nal has at least three bytes.
func setName265(nal []byte) (n SetName, ok bool) {
	n.Kind = nal[0] >> 1 & 0x3f
	switch n.Kind {
	case vps265:
		n.ID = uint32(nal[2] >> 4)
		return n, true
	case pps265:
		var room [64]byte
		r := BitReader{b: unescapeHead(room[:0], nal[2:])}
		n.ID, n.Refers = r.UE(), r.UE()
		return n, !r.short && n.ID < 64 && n.Refers < 16
	}
	var sps h265.SPS
	if guard.Call(func() error { return sps.Unmarshal(nal) }) != nil {
		return n, false
	}
	n.ID, n.Refers = uint32(sps.ID), uint32(nal[2]>>4)
	return n, n.ID < 16
}

func parseSPS265(nal []byte) (*h265.SPS, bool) {
	var sps h265.SPS
	if guard.Call(func() error { return sps.Unmarshal(nal) }) != nil {
		return nil, false
	}
	return &sps, saneSize(sps.Width(), sps.Height())
}

func picture265(nal []byte) (Picture, bool) {
	sps, ok := parseSPS265(nal)
	if !ok {
		return Picture{}, false
	}
	p := Picture{Width: sps.Width(), Height: sps.Height(), Depth: DepthUnknown}
	if n := len(sps.MaxNumReorderPics); n > 0 { // value for the highest sub-layer
		p.Depth = int(min(sps.MaxNumReorderPics[n-1], maxDepth))
	}
	return p, true
}

func equivalent265(kind uint8, a, b []byte) bool {
	if kind != sps265 {
		return false
	}
	x, okX := parseSPS265(a)
	y, okY := parseSPS265(b)
	return okX && okY && plain265(x) && plain265(y) && reflect.DeepEqual(bare265(x), bare265(y))
}

func bare265(s *h265.SPS) *h265.SPS {
	if s.VUI != nil {
		v := *s.VUI
		v.TimingInfo = nil
		s.VUI = &v
	}
	return s
}

// plain265 reports whether the parser has read all fields of an SPS. With a profile other than Main, Main 10 and
// Main Still Picture, an SPS may have extensions after the VUI, which the parser does not read.
func plain265(s *h265.SPS) bool {
	p := s.ProfileTierLevel.GeneralProfileIdc
	return p >= 1 && p <= 3
}
