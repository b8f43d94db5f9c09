package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// errPorts is the error of a client for which no two adjacent UDP ports are free.
var errPorts = errors.New("no pair of UDP ports is free")

// udpConn is a UDP socket, as net.ListenPacket returns it.
type udpConn interface {
	net.PacketConn
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
}

// pair holds the UDP ports of a track: an even one for RTP and the next for RTCP (RFC 3550, 11). A track over TCP has a
// nil pair; only the methods start, heard and close accept a nil pair.
type pair struct {
	sockets [2]socket    // for RTP and for RTCP
	lastNS  atomic.Int64 // arrival of the newest packet, in ns since zero
}

// socket is a UDP port that accepts packets only from the permitted addresses and the source port of the server. At
// first the source port is that of the first packet. As soon as a packet has arrived from the port that the server
// announced, it is the announced port.
type socket struct {
	conn   udpConn
	ips    [2]netip.Addr // permitted sources
	said   uint16        // source port that the server announced; 0: none
	learnt atomic.Uint32 // source port of the accepted packets; 0: none arrived
	stop   func()        // waits for the goroutine that reads; nil: none was started
}

// zero is the zero of pair.lastNS and of the arrival times in receiver reports.
var zero = time.Now()

// openPair binds two adjacent ports, the lower one even, at the connection's local address.
func (c *Client) openPair() (*pair, error) {
	const tries = 64
	var last error
	for range tries {
		rtp, err := c.bind(0)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errPorts, err)
		}
		port := rtp.LocalAddr().(*net.UDPAddr).Port
		if port%2 == 0 {
			rtcp, err := c.bind(port + 1)
			if err == nil {
				p := &pair{}
				p.sockets[0].conn, p.sockets[1].conn = rtp, rtcp
				return p, nil
			}
			last = err
		}
		_ = rtp.Close()
	}
	return nil, fmt.Errorf("%w: %w", errPorts, last)
}

func (c *Client) bind(port int) (udpConn, error) {
	pc, err := c.ListenPacket("udp", netip.AddrPortFrom(c.localIP, uint16(port)).String())
	if err != nil {
		return nil, err
	}
	u, is := pc.(udpConn)
	if !is {
		_ = pc.Close()
		return nil, fmt.Errorf("%T is no UDP socket", pc)
	}
	return u, nil
}

func (p *pair) port() int { return p.sockets[0].conn.LocalAddr().(*net.UDPAddr).Port }

// expect sets the addresses and ports from which the sockets accept packets: the address server, and the source and the
// ports that the server's Transport header said.
func (p *pair) expect(server netip.Addr, said transport) {
	for i := range p.sockets {
		p.sockets[i].ips = [2]netip.Addr{server, said.source}
		p.sockets[i].said = said.serverPorts[i]
	}
}

// punch sends a packet from each port to the server: a router in between admits the server's packets to a port only
// after the port has sent one.
func (p *pair) punch() {
	p.sockets[0].send([]byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) // RTP without payload
	p.sockets[1].send([]byte{0x80, 201, 0, 1, 0, 0, 0, 0})           // an empty receiver report
}

func (p *pair) report(b []byte) { p.sockets[1].send(b) }

// send sends b to the server's source port; it does nothing while no port is known. A failed send is ignored.
func (s *socket) send(b []byte) {
	port := s.said
	if learnt := s.learnt.Load(); learnt != 0 {
		port = uint16(learnt)
	}
	if port != 0 {
		_, _ = s.conn.WriteToUDPAddrPort(b, netip.AddrPortFrom(s.ips[0], port))
	}
}

// heard returns the arrival of the newest packet, or the zero time if none arrived.
func (p *pair) heard() time.Time {
	if p == nil || p.lastNS.Load() == 0 {
		return time.Time{}
	}
	return zero.Add(time.Duration(p.lastNS.Load()))
}

// start receives packets and passes them to t. Each socket has a goroutine of its own.
func (p *pair) start(t *track) {
	if p == nil {
		return
	}
	for i := range p.sockets {
		s := &p.sockets[i]
		s.stop = t.client.Go("rtsp udp", func(context.Context) error {
			s.read(func(b []byte, at time.Time) {
				p.lastNS.Store(int64(at.Sub(zero)))
				t.takeDatagram(b, i == 1, at)
			})
			return nil
		})
	}
}

// read passes the server's packets to take until the socket is closed. b is valid until take returns.
func (s *socket) read(take func(b []byte, at time.Time)) {
	b := make([]byte, 64<<10)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(10 * time.Millisecond) // the error may be transient; Run notices a lasting silence
		case s.from(from):
			take(b[:n], time.Now())
		}
	}
}

// from reports whether the socket accepts a packet from address a as one of the server. It learns the server's source
// port: see socket.
func (s *socket) from(a netip.AddrPort) bool {
	ip := a.Addr().Unmap()
	if ip != s.ips[0] && ip != s.ips[1] {
		return false
	}
	port := uint32(a.Port())
	if port == uint32(s.said) || s.learnt.Load() == 0 {
		s.learnt.Store(port)
	}
	return port == s.learnt.Load()
}

// close closes the sockets, and waits until their goroutines have ended.
func (p *pair) close() {
	if p == nil {
		return
	}
	for i := range p.sockets {
		_ = p.sockets[i].conn.Close()
	}
	for i := range p.sockets {
		if stop := p.sockets[i].stop; stop != nil {
			stop()
		}
	}
}
