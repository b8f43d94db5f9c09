package publishload

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
)

// udpConn publishes MPEG-TS in datagrams to a port of its own.
type udpConn struct {
	transport
	conn *net.UDPConn
}

// udpDialer makes the transport stream of a clip.
func udpDialer(l *Load) (dial, error) {
	clip, err := newTransportClip(l)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, address string, number int) (connection, error) {
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		first, err := netip.ParseAddrPort(u.Host)
		if err != nil {
			return nil, fmt.Errorf("the address of the first publisher: %w", err)
		}
		to := netip.AddrPortFrom(first.Addr(), first.Port()+uint16(number-1))
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
		if err != nil {
			return nil, err
		}
		return &udpConn{transport{stream: clip.stream(), out: conn, count: &l.count}, conn}, nil
	}, nil
}

// finish sends the rest. On one machine a datagram that was sent is in the receive buffer of the server.
func (c *udpConn) finish() error { return c.rest() }

func (c *udpConn) close() { _ = c.conn.Close() }
