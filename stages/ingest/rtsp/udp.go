package rtsp

import "net"

// udpReadBufferBytes is the buffer for a burst of packets that the server requests from the system, in bytes.
const udpReadBufferBytes = 2 << 20

// sizeBuffer requests a receive buffer for a burst of packets. The system may give less (net.core.rmem_max) or none:
// lost packets then count as rtp_loss.
func sizeBuffer(pc net.PacketConn, bytes int) {
	if u, ok := pc.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(bytes)
	}
}

// listenPacket opens a port for media with room for a burst.
func listenPacket(network, address string) (net.PacketConn, error) {
	pc, err := net.ListenPacket(network, address)
	if err == nil {
		sizeBuffer(pc, udpReadBufferBytes)
	}
	return pc, err
}
