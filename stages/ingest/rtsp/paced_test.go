package rtsp

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// paced is a socket that sends no faster than the receiver reads. UDP has no other way to slow a sender down, and a
// receiver without CPU time for a while would lose packets beyond the system's buffer.
type paced struct{ *net.UDPConn }

// WriteTo waits until almost all earlier packets have been read.
func (p paced) WriteTo(b []byte, to net.Addr) (int, error) {
	for unread(to.(*net.UDPAddr).Port) > 32<<10 {
		time.Sleep(time.Millisecond)
	}
	return p.UDPConn.WriteTo(b, to)
}

// listenPaced replaces net.ListenPacket for gortsplib.
func listenPaced(network, address string) (net.PacketConn, error) {
	pc, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	return paced{pc.(*net.UDPConn)}, nil
}

// unread returns the bytes of memory of the unread packets at a port of the loopback interface; 0 without a listener.
func unread(port int) (size int64) {
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return 0
	}
	local := fmt.Appendf(nil, ": 0100007F:%04X ", port)
	_, line, found := bytes.Cut(table, local)
	if fields := bytes.Fields(line); found && len(fields) > 2 {
		_, queue, _ := bytes.Cut(fields[2], []byte(":"))
		size, _ = strconv.ParseInt(string(queue), 16, 64)
	}
	return size
}
