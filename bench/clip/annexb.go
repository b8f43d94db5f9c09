package clip

import (
	"bytes"
	"errors"
)

// NAL unit types (ISO/IEC 14496-10, table 7-1).
const (
	nalSlice = 1
	nalIDR   = 5
	nalSPS   = 7
	nalPPS   = 8
	nalAUD   = 9
)

// ErrNoIDR reports a stream that no decoder can decode from its first picture on.
var ErrNoIDR = errors.New("no SPS, PPS and IDR at its begin: code it with closed GOPs and repeated headers")

// Parse splits an Annex B stream (ISO/IEC 14496-10, annex B) into access units. It leaves out access
// unit delimiters and does not set FPS. The NAL units share the memory of b. Parse returns ErrNoIDR
// unless the stream begins with an IDR picture and has an SPS and a PPS.
func Parse(b []byte) (*Clip, error) {
	c := &Clip{}
	var cur Unit
	coded := false // cur has a slice of a picture
	for nal := range nals(b) {
		typ := nal[0] & 0x1f
		slice := typ >= nalSlice && typ <= nalIDR
		// An access unit ends before a NAL unit that can only precede the first slice of a picture (7.4.1.2.3),
		// and before a slice with first_mb_in_slice 0, which is coded as a single 1 bit.
		if coded && (!slice && typ >= 6 && typ <= 9 || slice && len(nal) > 1 && nal[1]&0x80 != 0) {
			c.Units = append(c.Units, cur)
			cur, coded = Unit{}, false
		}
		switch typ {
		case nalAUD:
			continue
		case nalSPS:
			c.SPS = nal
		case nalPPS:
			c.PPS = nal
		case nalIDR:
			cur.IDR = true
		}
		coded = coded || slice
		cur.NALs = append(cur.NALs, nal)
	}
	if coded {
		c.Units = append(c.Units, cur)
	}
	if len(c.Units) == 0 || !c.Units[0].IDR || c.SPS == nil || c.PPS == nil {
		return nil, ErrNoIDR
	}
	return c, nil
}

// nals iterates over the non-empty NAL units of an Annex B stream, without start codes.
func nals(b []byte) func(yield func([]byte) bool) {
	start := []byte{0, 0, 1}
	return func(yield func([]byte) bool) {
		at := bytes.Index(b, start)
		for at >= 0 {
			b = b[at+3:]
			at = bytes.Index(b, start)
			nal := b
			if at >= 0 {
				nal = b[:at]
			}
			nal = bytes.TrimRight(nal, "\x00") // trailing_zero_8bits: a NAL unit itself ends in a 1 bit
			if len(nal) > 0 && !yield(nal) {
				return
			}
		}
	}
}
