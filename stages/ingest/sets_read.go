package ingest

import (
	"reflect"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

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

// paramSetID reads the type and the id of a parameter set.
func paramSetID(codec media.Codec, nal []byte) (kind uint8, id uint32, ok bool) {
	if codec == media.H265 {
		return paramSetID265(nal)
	}
	kind = nal[0] & 0x1f
	body := unescape(nal[1:], 64)
	if kind == nalSPS264 { // behind profile_idc, constraints and level_idc (7.3.2.1.1)
		body = body[min(3, len(body)):]
	}
	r := bitReader{b: body}
	id = r.ue()
	return kind, id, !r.failed && id < 256 && (kind == nalPPS264 || id < 32)
}

// paramSetID265 follows ITU-T H.265, 7.3.2.1 to 7.3.2.3.
func paramSetID265(nal []byte) (kind uint8, id uint32, ok bool) {
	kind = nal[0] >> 1 & 0x3f
	switch kind {
	case nalVPS:
		return kind, uint32(nal[2] >> 4), true
	case nalPPS265:
		r := bitReader{b: unescape(nal[2:], 64)}
		id = r.ue()
		return kind, id, !r.failed && id < 64
	}
	var sps h265.SPS
	if parse(func() error { return sps.Unmarshal(nal) }) != nil {
		return kind, 0, false
	}
	return kind, uint32(sps.ID), sps.ID < 16
}

// readable reports whether a set is one that a track can be described by.
func readable(codec media.Codec, kind uint8, nal []byte) bool {
	switch {
	case codec == media.H264 && kind == nalSPS264:
		_, ok := readSPS264(nal)
		return ok
	case codec == media.H265 && kind == nalSPS265:
		_, ok := readSPS265(nal)
		return ok
	}
	return true
}

func readSPS264(nal []byte) (*h264.SPS, bool) {
	var sps h264.SPS
	if parse(func() error { return sps.Unmarshal(nal) }) != nil {
		return nil, false
	}
	return &sps, saneSize(sps.Width(), sps.Height())
}

func readSPS265(nal []byte) (*h265.SPS, bool) {
	var sps h265.SPS
	if parse(func() error { return sps.Unmarshal(nal) }) != nil {
		return nil, false
	}
	return &sps, saneSize(sps.Width(), sps.Height())
}

func saneSize(w, h int) bool { return w > 0 && h > 0 && w <= 65535 && h <= 65535 }

// equivalent reports whether two sets of one kind and id are the same to a
// decoder: an SPS is if only the timing, the buffer model or the promises of its
// VUI differ. Colour and aspect are not ignored: a player shows them.
func equivalent(codec media.Codec, kind uint8, a, b []byte) bool {
	switch {
	case codec == media.H264 && kind == nalSPS264:
		x, okX := readSPS264(a)
		y, okY := readSPS264(b)
		return okX && okY && reflect.DeepEqual(bare264(x), bare264(y))
	case codec == media.H265 && kind == nalSPS265:
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
