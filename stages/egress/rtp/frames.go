package rtp

import "encoding/binary"

// MaxPacketBytes is the length of the longest packet: with the headers of IP and UDP it fits into an Ethernet frame, also
// through common tunnels. Only Opus, whose units cannot be divided, may have longer ones.
const MaxPacketBytes = 1400

// maxDatagramBytes is the length of the longest datagram of UDP over IPv4.
const maxDatagramBytes = 65507

// The lengths of the headers in Frames.
const (
	frameHeaderBytes = 4 // of an interleaved frame
	headerBytes      = 12
	maxPayloadBytes  = MaxPacketBytes - headerBytes
)

// Frames holds packets in the order in which they are sent, in one buffer, each as an interleaved frame (RFC 2326, 10.12).
// The zero value is empty.
type Frames struct {
	b    []byte
	ends []int // of the frames in b
}

// Bytes returns all frames, for a TCP connection. They are valid until Reset.
func (f *Frames) Bytes() []byte { return f.b }

// Len returns the number of frames.
func (f *Frames) Len() int { return len(f.ends) }

// Frame returns the channel and the packet of a frame. The packet is valid until Reset.
func (f *Frames) Frame(i int) (channel byte, packet []byte) {
	at := 0
	if i > 0 {
		at = f.ends[i-1]
	}
	return f.b[at+1], f.b[at+frameHeaderBytes : f.ends[i]]
}

// Reset removes all frames, and keeps the memory.
func (f *Frames) Reset() { f.b, f.ends = f.b[:0], f.ends[:0] }

// open begins a frame, and returns its place for close.
func (f *Frames) open(channel byte) (at int) {
	at = len(f.b)
	f.b = append(f.b, '$', channel, 0, 0)
	return at
}

// close ends the frame that begins at a place.
func (f *Frames) close(at int) {
	binary.BigEndian.PutUint16(f.b[at+2:], uint16(len(f.b)-at-frameHeaderBytes))
	f.ends = append(f.ends, len(f.b))
}
