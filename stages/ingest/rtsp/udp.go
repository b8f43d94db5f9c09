package rtsp

import "net"

// udpReadBuffer is the room for a burst of packets that is asked of the system.
const udpReadBuffer = 2 << 20

// sizeBuffer asks for room in which a burst of packets can wait. The system may
// give less (net.core.rmem_max) or none: what is lost for it shows as rtp_loss.
func sizeBuffer(pc net.PacketConn, bytes int) {
	if u, ok := pc.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(bytes)
	}
}

// listenPacket opens a port for media with room for a burst.
func listenPacket(network, address string) (net.PacketConn, error) {
	pc, err := net.ListenPacket(network, address)
	if err == nil {
		sizeBuffer(pc, udpReadBuffer)
	}
	return pc, err
}
