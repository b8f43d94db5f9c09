package rtp

import (
	"github.com/gospool/spool/pipeline/codec/obu"
	"github.com/gospool/spool/pipeline/media/live"
)

// The bits of the aggregation header of "RTP Payload Format For AV1" 1.0.0, 4.4.
const (
	av1Continues = 0x80 // Z: the packet begins within an OBU
	av1Unended   = 0x40 // Y: the OBU continues in the next packet
	av1One       = 0x10 // W: the packet has one OBU, or a fragment, without its size
	av1Sequence  = 0x08 // N: a coded video sequence begins
)

// temporalUnit sends each OBU of a temporal unit, without its size, in packets of its own. The sequence header precedes a key
// frame. Temporal delimiters and tile lists are left out (5).
func temporalUnit(s *Sender, f *Frames, u *live.Unit) {
	first, last := byte(0), -1
	if u.Sync {
		first = av1Sequence
	}
	for o, rest, ok := obu.Next(s.whole()); ok; o, rest, ok = obu.Next(rest) {
		switch {
		case o.Type == obu.TemporalDelimiter || o.Type == obu.TileList:
			continue
		case first != 0 && o.Type != obu.SequenceHeader && len(s.track.ParameterSets) > 0:
			if set, _, ok := obu.Next(s.track.ParameterSets[0]); ok {
				s.obu(f, set, first)
				first = 0
			}
		}
		last, first = s.obu(f, o, first), 0
	}
	s.mark(f, last)
}

// obu sends an OBU, with flags in its first packet, and returns the place of the last one.
func (s *Sender) obu(f *Frames, o obu.Unit, flags byte) (place int) {
	head := o.Header
	for flags |= av1One; ; flags = av1One | av1Continues {
		n := min(len(o.Payload), s.mostBytes-1-len(head))
		if n < len(o.Payload) {
			flags |= av1Unended
		}
		place = s.open(f, s.newest, false)
		f.b = append(f.b, flags)
		if at := len(f.b); len(head) > 0 {
			f.b = append(f.b, head...)
			f.b[at] &^= obu.HasSize
		}
		f.b = append(f.b, o.Payload[:n]...)
		s.close(f, place)
		if head, o.Payload = nil, o.Payload[n:]; len(o.Payload) == 0 {
			return place
		}
	}
}
