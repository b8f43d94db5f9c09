package h265

import (
	"reflect"

	parser "github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/gospool/spool/pipeline/codec/bitstream"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/pipeline/guard"
)

// setName implements nalunit.Syntax.SetName (ITU-T H.265, 7.3.2.1 to 7.3.2.3). nal has at least three bytes.
func setName(nal []byte) (n nalunit.SetName, ok bool) {
	n.Kind = nal[0] >> 1 & 0x3f
	switch n.Kind {
	case VPSType:
		n.ID = uint32(nal[2] >> 4)
		return n, true
	case PPSType:
		var room [64]byte
		r := bitstream.NewReader(bitstream.UnescapeHead(room[:0], nal[2:]))
		n.ID, n.Refers = r.UE(), r.UE()
		return n, !r.Short() && n.ID < 64 && n.Refers < 16
	}
	var sps parser.SPS
	if guard.Call(func() error { return sps.Unmarshal(nal) }) != nil {
		return n, false
	}
	n.ID, n.Refers = uint32(sps.ID), uint32(nal[2]>>4)
	return n, n.ID < 16
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
	p := nalunit.Picture{Width: sps.Width(), Height: sps.Height(), Depth: nalunit.DepthUnknown}
	if n := len(sps.MaxNumReorderPics); n > 0 { // value for the highest sub-layer
		p.Depth = int(min(sps.MaxNumReorderPics[n-1], nalunit.MaxDepth))
	}
	return p, true
}

func equivalent(kind uint8, a, b []byte) bool {
	if kind != SPSType {
		return false
	}
	x, okX := parseSPS(a)
	y, okY := parseSPS(b)
	return okX && okY && plain(x) && plain(y) && reflect.DeepEqual(bare(x), bare(y))
}

func bare(s *parser.SPS) *parser.SPS {
	if s.VUI != nil {
		v := *s.VUI
		v.TimingInfo = nil
		s.VUI = &v
	}
	return s
}

// plain reports whether the parser has read all fields of an SPS. With a profile other than Main, Main 10 and
// Main Still nalunit.Picture, an SPS may have extensions after the VUI, which the parser does not read.
func plain(s *parser.SPS) bool {
	p := s.ProfileTierLevel.GeneralProfileIdc
	return p >= 1 && p <= 3
}
