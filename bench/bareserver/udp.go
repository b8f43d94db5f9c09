package bareserver

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// socketBufferBytes is the receive buffer that the system is asked for, as spool does.
	socketBufferBytes = 4 << 20
	// drainedAfter is how long Close waits for another datagram.
	drainedAfter = 200 * time.Millisecond
)

// UDP receives a transport stream at each of its ports, and discards it.
type UDP struct {
	conns   []*net.UDPConn
	running sync.WaitGroup
	count   counts
}

// StartUDP starts a server of n streams, at the port of the address and at those that follow. demux makes it decode the
// streams with mediacommon. The caller must close the server.
func StartUDP(address string, n int, demux bool) (*UDP, error) {
	first, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	s := &UDP{}
	for i := range n {
		at := netip.AddrPortFrom(first.Addr(), first.Port()+uint16(i))
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			s.Close()
			return nil, err
		}
		_ = c.SetReadBuffer(socketBufferBytes)
		s.conns = append(s.conns, c)
		s.running.Go(func() { s.count.receiveTransport(datagrams{c}, demux) })
	}
	return s, nil
}

// datagrams is the io.Reader of a UDP port. It ends where the deadline of the port has passed.
type datagrams struct{ conn *net.UDPConn }

// Read reads a datagram.
func (d datagrams) Read(b []byte) (int, error) {
	n, _, err := d.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, io.EOF
	}
	return n, nil
}

// Address returns the address of the first stream.
func (s *UDP) Address() string { return s.conns[0].LocalAddr().String() }

// Stats returns the totals so far. It is safe for concurrent use.
func (s *UDP) Stats() Stats { return s.count.stats() }

// Close counts what has arrived, and stops the server.
func (s *UDP) Close() {
	for _, c := range s.conns {
		_ = c.SetReadDeadline(time.Now().Add(drainedAfter))
	}
	s.running.Wait()
	for _, c := range s.conns {
		_ = c.Close()
	}
}
