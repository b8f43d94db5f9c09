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

// errPorts is the error without two free ports.
var errPorts = errors.New("no pair of UDP ports is free")

// udpConn is the UDP connection of net.ListenPacket.
type udpConn interface {
	net.PacketConn
	ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
}

// pair holds the ports of a track: RTP even, RTCP the next (RFC 3550, 11). A nil pair belongs to a track over TCP.
type pair struct {
	sockets [2]socket
	lastNS  atomic.Int64 // arrival of the newest packet, in ns since zero
}

// socket takes packets from the server only. It learns their source port: the announced one as soon as a packet
// arrives from there, else that of the first packet.
type socket struct {
	conn   udpConn
	ips    [2]netip.Addr // permitted sources
	said   uint16        // the server's announced port; 0: none
	learnt atomic.Uint32 // the source port of the packets; 0: none arrived
	stop   func()
}

var zero = time.Now()

// openPair binds two ports at the local address of the connection.
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

// expect sets the permitted sources.
func (p *pair) expect(server netip.Addr, said transport) {
	for i := range p.sockets {
		p.sockets[i].ips = [2]netip.Addr{server, said.source}
		p.sockets[i].said = said.serverPorts[i]
	}
}

// punch opens the way through a router: it admits packets from the destination of earlier ones.
func (p *pair) punch() {
	p.sockets[0].send([]byte{0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) // RTP without payload
	p.sockets[1].send([]byte{0x80, 201, 0, 1, 0, 0, 0, 0})           // an empty receiver report
}

func (p *pair) report(b []byte) { p.sockets[1].send(b) }

// send sends to the server's port, if it is known.
func (s *socket) send(b []byte) {
	port := s.said
	if learnt := s.learnt.Load(); learnt != 0 {
		port = uint16(learnt)
	}
	if port != 0 {
		_, _ = s.conn.WriteToUDPAddrPort(b, netip.AddrPortFrom(s.ips[0], port))
	}
}

// heard returns the arrival of the newest packet.
func (p *pair) heard() time.Time {
	if p == nil || p.lastNS.Load() == 0 {
		return time.Time{}
	}
	return zero.Add(time.Duration(p.lastNS.Load()))
}

// start reads packets, each socket on a goroutine of its own.
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

// read passes on packets until the socket is closed.
func (s *socket) read(take func(b []byte, at time.Time)) {
	b := make([]byte, 64<<10)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(10 * time.Millisecond) // a system error may pass, and a lasting silence is noticed
		case s.from(from):
			take(b[:n], time.Now())
		}
	}
}

// from reports whether the server sends from an address.
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

// close closes the sockets, and waits for their goroutines.
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
