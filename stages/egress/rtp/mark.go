package rtp

import "encoding/binary"

// Mark describes an access unit to a client that plays recordings. The first packet of the unit has it as its header extension
// (ONVIF Streaming Specification, RTP header extension).
type Mark struct {
	UTC   int64 // wall clock of the unit, ns
	Sync  bool  // C: a decoder can start here
	Ends  bool  // E: a gap follows, or the footage ends
	Jumps bool  // D: the unit does not follow the one that was sent before it
	Last  bool  // T: no further unit of the track is sent
	CSeq  byte  // low-order byte of the CSeq of the PLAY request
}

// extensionBytes is the length of the header extension with a Mark, extensionProfile its identifier.
const (
	extensionBytes   = 16
	extensionProfile = 0xabac
)

// Mark adds a mark to the next packet.
func (s *Sender) Mark(m Mark) {
	x := s.extension[:0]
	x = binary.BigEndian.AppendUint16(x, extensionProfile)
	x = binary.BigEndian.AppendUint16(x, extensionBytes/4-1)
	x = binary.BigEndian.AppendUint64(x, ntp(m.UTC))
	flags := byte(0)
	for i, set := range [...]bool{m.Sync, m.Ends, m.Jumps, m.Last} {
		if set {
			flags |= 0x80 >> i
		}
	}
	s.extension = [extensionBytes]byte(append(x, flags, m.CSeq, 0, 0))
	s.extends, s.mostBytes = true, maxPayloadBytes-extensionBytes
}
