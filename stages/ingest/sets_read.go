package ingest

import (
	"bytes"
	"reflect"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/guard"
	"github.com/gospool/spool/pipeline/media"
)

// NAL unit types of parameter sets.
const (
	nalSPS264 = 7
	nalPPS264 = 8
	nalVPS    = 32
	nalSPS265 = 33
	nalPPS265 = 34
)

// setName is what a parameter set is called, and by: a PPS refers to the SPS with
// an id, an SPS of H.265 to a VPS.
type setName struct {
	kind       uint8 // NAL unit type
	id, refers uint32
}

// paramSetName reads the name of a parameter set.
func paramSetName(coding media.Codec, nal []byte) (n setName, ok bool) {
	if coding == codec.H265 {
		return paramSetName265(nal)
	}
	n.kind = nal[0] & 0x1f
	body := unescape(nal[1:], 64)
	if n.kind == nalSPS264 { // behind profile_idc, constraints and level_idc (7.3.2.1.1)
		r := bitReader{b: body[min(3, len(body)):]}
		n.id = r.ue()
		return n, !r.failed && n.id < 32
	}
	r := bitReader{b: body}
	n.id, n.refers = r.ue(), r.ue()
	return n, !r.failed && n.id < 256 && n.refers < 32
}

// paramSetName265 follows ITU-T H.265, 7.3.2.1 to 7.3.2.3.
func paramSetName265(nal []byte) (n setName, ok bool) {
	n.kind = nal[0] >> 1 & 0x3f
	switch n.kind {
	case nalVPS:
		n.id = uint32(nal[2] >> 4)
		return n, true
	case nalPPS265:
		r := bitReader{b: unescape(nal[2:], 64)}
		n.id, n.refers = r.ue(), r.ue()
		return n, !r.failed && n.id < 64 && n.refers < 16
	}
	var sps h265.SPS
	if guard.Call(func() error { return sps.Unmarshal(nal) }) != nil {
		return n, false
	}
	n.id, n.refers = uint32(sps.ID), uint32(nal[2]>>4)
	return n, n.id < 16
}

// readable reports whether a set is one that a track can be described by.
func readable(coding media.Codec, kind uint8, nal []byte) bool {
	switch {
	case coding == codec.H264 && kind == nalSPS264:
		_, ok := readSPS264(nal)
		return ok
	case coding == codec.H265 && kind == nalSPS265:
		_, ok := readSPS265(nal)
		return ok
	}
	return true
}

func readSPS264(nal []byte) (*h264.SPS, bool) {
	var sps h264.SPS
	if guard.Call(func() error { return sps.Unmarshal(nal) }) != nil {
		return nil, false
	}
	return &sps, saneSize(sps.Width(), sps.Height())
}

func readSPS265(nal []byte) (*h265.SPS, bool) {
	var sps h265.SPS
	if guard.Call(func() error { return sps.Unmarshal(nal) }) != nil {
		return nil, false
	}
	return &sps, saneSize(sps.Width(), sps.Height())
}

func saneSize(w, h int) bool { return w > 0 && h > 0 && w <= 65535 && h <= 65535 }

// equivalent reports whether two sets of one kind and id are the same to a
// decoder: an SPS is if only the timing, the buffer model or the promises of its
// VUI differ. Colour and aspect are not ignored: a player shows them. Nor does it
// matter how important a set is said to be (nal_ref_idc).
func equivalent(coding media.Codec, kind uint8, a, b []byte) bool {
	switch {
	case coding == codec.H264 && bytes.Equal(a[1:], b[1:]):
		return true
	case coding == codec.H264 && kind == nalSPS264:
		x, okX := readSPS264(a)
		y, okY := readSPS264(b)
		return okX && okY && reflect.DeepEqual(bare264(x), bare264(y))
	case coding == codec.H265 && kind == nalSPS265:
		x, okX := readSPS265(a)
		y, okY := readSPS265(b)
		return okX && okY && plain265(x) && plain265(y) && reflect.DeepEqual(bare265(x), bare265(y))
	}
	return false
}

// bare264 leaves out what decoding does not depend on (ITU-T H.264, annex E).
// bitstream_restriction stays: decoders and our decoding times go by it.
func bare264(s *h264.SPS) *h264.SPS {
	if s.VUI != nil {
		v := *s.VUI
		v.TimingInfo, v.NalHRD, v.VclHRD, v.LowDelayHrdFlag = nil, nil, nil, false
		s.VUI = &v
	}
	return s
}

func bare265(s *h265.SPS) *h265.SPS {
	if s.VUI != nil {
		v := *s.VUI
		v.TimingInfo = nil
		s.VUI = &v
	}
	return s
}

// plain265 reports whether the parser has seen all that counts: only profiles
// past Main 10 and Main Still Picture have extensions behind the VUI.
func plain265(s *h265.SPS) bool {
	p := s.ProfileTierLevel.GeneralProfileIdc
	return p >= 1 && p <= 3
}
