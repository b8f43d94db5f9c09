package rtp

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/media/live"
)

// fragmentation describes how a codec with NAL units cuts one that is longer than a packet.
type fragmentation struct {
	headerBytes int // of a NAL unit
	// unit appends the headers of a fragment in place of that of the NAL unit: the last byte has no flags yet.
	unit func(b []byte, header []byte) []byte
}

// The flags in the last byte of the headers of a fragment.
const (
	beginsUnit = 0x80
	endsUnit   = 0x40
)

// avcFragments is FU-A of RFC 6184, 5.8, and hevcFragments that of RFC 7798, 4.4.3.
var (
	avcFragments = fragmentation{1, func(b, h []byte) []byte { return append(b, h[0]&0xe0|28, h[0]&0x1f) }}

	hevcFragments = fragmentation{2, func(b, h []byte) []byte { return append(b, h[0]&0x81|49<<1, h[1], h[0]>>1&0x3f) }}
)

// nalUnits packetises a unit that consists of NAL units, each in packets of its own. Before a key frame it sends the
// parameter sets, which the units of a stream do not have.
func (c *fragmentation) nalUnits(s *Sender, f *Frames, u *live.Unit) {
	at, last := s.newest, -1
	if u.Sync {
		for _, set := range s.track.ParameterSets {
			place := s.open(f, at, false)
			f.b = append(f.b, set...)
			s.close(f, place)
		}
	}
	for s.payload.left > 4 {
		s.scratch = s.payload.appendTo(s.scratch[:0], 4)
		size := min(int(binary.BigEndian.Uint32(s.scratch)), s.payload.left)
		if size < c.headerBytes {
			s.scratch = s.payload.appendTo(s.scratch[:0], size) // no NAL unit
			continue
		}
		last = c.nalUnit(s, f, at, size)
	}
	s.mark(f, last)
}

// nalUnit packetises the next size bytes of the payload, and returns the place of the last packet.
func (c *fragmentation) nalUnit(s *Sender, f *Frames, at uint32, size int) (place int) {
	if size <= s.mostBytes {
		place = s.open(f, at, false)
		f.b = s.payload.appendTo(f.b, size)
		s.close(f, place)
		return place
	}
	s.scratch = s.payload.appendTo(s.scratch[:0], c.headerBytes)
	begins := byte(beginsUnit)
	for left := size - c.headerBytes; left > 0; begins = 0 {
		place = s.open(f, at, false)
		f.b = c.unit(f.b, s.scratch)
		n := min(left, s.mostBytes-c.headerBytes-1)
		left -= n
		flags := begins
		if left == 0 {
			flags |= endsUnit
		}
		f.b[len(f.b)-1] |= flags
		f.b = s.payload.appendTo(f.b, n)
		s.close(f, place)
	}
	return place
}
