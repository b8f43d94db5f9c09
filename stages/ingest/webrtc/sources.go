package webrtc

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/pion/transport/v4/packetio"
)

// maxSources bounds the sources (SSRC) of packets and of reports in a session: pion keeps a buffer for each, until the session ends.
// A session of 16 sections with retransmissions has 64.
const maxSources = 128

// The bounds of the bytes that wait in a buffer, which are those of pion without a factory.
const (
	packetBufferBytes = 1_000_000
	reportBufferBytes = 100_000
)

var errSources = errors.New("the client names too many sources of packets (SSRC)")

// sources returns the function that makes the buffers of a session. It ends the session of a client that has too many.
func (p *peer) sources() func(packetio.BufferPacketType, uint32) io.ReadWriteCloser {
	var made atomic.Int32
	return func(kind packetio.BufferPacketType, _ uint32) io.ReadWriteCloser {
		b := packetio.NewBuffer()
		switch {
		case made.Add(1) > maxSources:
			b.SetLimitSize(1)
			p.end(errSources)
		case kind == packetio.RTCPBufferPacket:
			b.SetLimitSize(reportBufferBytes)
		default:
			b.SetLimitSize(packetBufferBytes)
		}
		return b
	}
}
