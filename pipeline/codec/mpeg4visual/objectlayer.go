// Package mpeg4visual reads the headers of MPEG-4 Visual (ISO/IEC 14496-2, "MPEG-4 part 2").
package mpeg4visual

import (
	"bytes"
	"errors"
	mathbits "math/bits"

	"github.com/gospool/spool/pipeline/codec/bitstream"
)

// Values of the byte behind the prefix of a start code (6.2.1, table 6-3).
const (
	lastObject   = 0x1f // video_object_start_code, from 0 on
	firstLayer   = 0x20
	lastLayer    = 0x2f
	sequence     = 0xb0 // visual_object_sequence_start_code
	group        = 0xb3 // group_of_vop_start_code
	visualObject = 0xb5
	plane        = 0xb6 // vop_start_code
)

// ObjectLayer holds fields of the headers of a stream.
type ObjectLayer struct {
	Profile          uint8 // profile_and_level_indication; 0: it is not in the headers
	Width, Height    int   // pixels
	AspectH, AspectV uint32
	// Reordered reports that the stream may have B-VOPs, each of which is decoded after a VOP that is shown after it.
	Reordered bool
}

var (
	errNone  = errors.New("no video object layer")
	errShape = errors.New("a video object layer that is not rectangular")
	errCut   = errors.New("the video object layer is cut")
	errSize  = errors.New("a video object layer without a size")
)

// next returns the value and the body of the first start code in b, and the bytes from the next start code on. ok is
// false if b has no start code.
func next(b []byte) (code byte, body, rest []byte, ok bool) {
	at := bytes.Index(b, prefix)
	if at < 0 || len(b) < at+len(prefix)+1 {
		return 0, nil, nil, false
	}
	code, body = b[at+len(prefix)], b[at+len(prefix)+1:]
	if end := bytes.Index(body, prefix); end >= 0 {
		return code, body[:end], body[end:], true
	}
	return code, body, nil, true
}

var prefix = []byte{0, 0, 1}

// ReadHeaders reads the headers before a VOP, or a decoder configuration. They must have a video object layer.
func ReadHeaders(b []byte) (l ObjectLayer, err error) {
	err = errNone
	version := uint32(1) // visual_object_verid
	for code, body, rest, ok := next(b); ok && code != plane; code, body, rest, ok = next(rest) {
		switch {
		case code == sequence && len(body) > 0:
			l.Profile = body[0]
		case code == visualObject:
			if r := bitstream.NewReader(body); r.Flag() {
				version = r.Bits(4)
			}
		case code >= firstLayer && code <= lastLayer:
			r := bitstream.NewReader(body)
			err = l.read(&r, version)
		}
	}
	return l, err
}

// Headers returns the bytes of an access unit before its VOP, and before its group of VOPs, whose time code differs from one
// group to the next. It returns nil if these have no video object layer.
func Headers(unit []byte) []byte {
	found := false
	for code, body, rest, ok := next(unit); ok; code, body, rest, ok = next(rest) {
		if code == plane || code == group {
			if found {
				return unit[:len(unit)-len(rest)-len(body)-len(prefix)-1]
			}
			return nil
		}
		found = found || code >= firstLayer && code <= lastLayer
	}
	if found {
		return unit
	}
	return nil
}

// read reads a video object layer (6.2.3).
func (l *ObjectLayer) read(r *bitstream.Reader, version uint32) error {
	const simple = 1 // video_object_type_indication of a stream without B-VOPs
	r.Skip(1)
	l.Reordered = r.Bits(8) != simple
	if r.Flag() {
		version = r.Bits(4)
		r.Skip(3)
	}
	l.aspect(r)
	if r.Flag() { // vol_control_parameters
		r.Skip(2)
		l.Reordered = !r.Flag() // low_delay
		if r.Flag() {
			r.Skip(79) // vbv_parameters
		}
	}
	const rectangular, grayscale = 0, 3
	shape := r.Bits(2)
	if shape == grayscale && version != 1 {
		r.Skip(4)
	}
	r.Skip(1)
	resolution := r.Bits(16)
	r.Skip(1)
	if r.Flag() { // fixed_vop_rate
		r.Skip(max(mathbits.Len32(max(resolution, 1)-1), 1))
	}
	if shape != rectangular {
		return errShape
	}
	r.Skip(1)
	l.Width = int(r.Bits(13))
	r.Skip(1)
	l.Height = int(r.Bits(13))
	switch {
	case r.Short():
		return errCut
	case l.Width == 0 || l.Height == 0:
		return errSize
	}
	return nil
}

// aspect reads aspect_ratio_info (6.3.3, table 6-14).
func (l *ObjectLayer) aspect(r *bitstream.Reader) {
	const extended = 15
	known := [...][2]uint32{2: {12, 11}, 3: {10, 11}, 4: {16, 11}, 5: {40, 33}}
	l.AspectH, l.AspectV = 1, 1
	switch info := r.Bits(4); {
	case info == extended:
		l.AspectH, l.AspectV = r.Bits(8), r.Bits(8)
	case int(info) < len(known) && info > 1:
		l.AspectH, l.AspectV = known[info][0], known[info][1]
	}
	if l.AspectH == 0 || l.AspectV == 0 {
		l.AspectH, l.AspectV = 1, 1
	}
}

// KeyVOP reports whether the first VOP of an access unit is an I-VOP (6.2.5).
func KeyVOP(unit []byte) bool {
	for at := bytes.Index(unit, prefix); at >= 0 && len(unit) > at+4; {
		if unit[at+3] == plane {
			return unit[at+4]>>6 == 0
		}
		unit = unit[at+3:]
		at = bytes.Index(unit, prefix)
	}
	return false
}

// Begins reports whether b begins with the headers of a stream or of a VOP.
func Begins(b []byte) bool {
	return len(b) > 3 && bytes.HasPrefix(b, prefix) && (b[3] <= lastLayer || b[3] >= sequence && b[3] <= plane)
}
