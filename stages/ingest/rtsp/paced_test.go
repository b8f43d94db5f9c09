package rtsp

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// paced is a socket that sends no faster than the receiver reads. UDP has no other way
// to slow a sender down, and a receiver that gets no processor for a while would lose
// what the system has no room for.
type paced struct{ *net.UDPConn }

// WriteTo waits until little of what was sent before is unread.
func (p paced) WriteTo(b []byte, to net.Addr) (int, error) {
	for unread(to.(*net.UDPAddr).Port) > 32<<10 {
		time.Sleep(time.Millisecond)
	}
	return p.UDPConn.WriteTo(b, to)
}

// listenPaced is net.ListenPacket for gortsplib.
func listenPaced(network, address string) (net.PacketConn, error) {
	pc, err := net.ListenPacket(network, address)
	if err != nil {
		return nil, err
	}
	return paced{pc.(*net.UDPConn)}, nil
}

// unread returns how many bytes of memory hold what has come to a port of the loopback
// interface and was not read; 0 where nobody listens.
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
