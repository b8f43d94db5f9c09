package rtsp

import "net"

// udpReadBufferBytes is the usual receive buffer of a UDP port: room for a burst of packets.
const udpReadBufferBytes = 2 << 20

// sizeBuffer asks the system for a receive buffer. The system may grant less (net.core.rmem_max); packets that find no
// room are lost, and are counted as rtp_loss.
func sizeBuffer(pc net.PacketConn, bytes int) {
	if u, ok := pc.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(bytes)
	}
}

// listenPacket opens a UDP port for media, and asks the system for a receive buffer of udpReadBufferBytes.
func listenPacket(network, address string) (net.PacketConn, error) {
	pc, err := net.ListenPacket(network, address)
	if err == nil {
		sizeBuffer(pc, udpReadBufferBytes)
	}
	return pc, err
}
