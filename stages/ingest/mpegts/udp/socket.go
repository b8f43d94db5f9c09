package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// socketBufferBytes is what the system is asked for: its default holds less than a large key frame.
const socketBufferBytes = 4 << 20

// open opens the socket of an address. The caller closes it.
func (a *Address) open(ctx context.Context) (*net.UDPConn, error) {
	config := net.ListenConfig{}
	if a.Group.IsValid() {
		config.Control = shareAddress // each process on a machine that receives the group binds its port
	}
	c, err := config.ListenPacket(ctx, "udp", a.Listen)
	if err != nil {
		return nil, err
	}
	conn := c.(*net.UDPConn)
	_ = conn.SetReadBuffer(socketBufferBytes)
	if a.Group.IsValid() {
		if err := a.join(conn); err != nil {
			return nil, errors.Join(fmt.Errorf("the multicast group %s cannot be joined: %w", a.Group, err), conn.Close())
		}
	}
	return conn, nil
}

// join joins the multicast group.
func (a *Address) join(conn *net.UDPConn) error {
	var on *net.Interface
	if a.Interface != "" {
		var err error
		if on, err = net.InterfaceByName(a.Interface); err != nil {
			return err
		}
	}
	group, source := &net.UDPAddr{IP: a.Group.AsSlice()}, &net.UDPAddr{IP: a.Source.AsSlice()}
	if a.Group.Is4() {
		p := ipv4.NewPacketConn(conn)
		if a.Source.IsValid() {
			return p.JoinSourceSpecificGroup(on, group, source)
		}
		return p.JoinGroup(on, group)
	}
	p := ipv6.NewPacketConn(conn)
	if a.Source.IsValid() {
		return p.JoinSourceSpecificGroup(on, group, source)
	}
	return p.JoinGroup(on, group)
}

// lookEvery is how often a receiver looks for silence, and for packets that have waited for long enough.
const lookEvery = 100 * time.Millisecond

// maxDatagramBytes is the size of the largest datagram.
const maxDatagramBytes = 65507

// receive calls take with each datagram until ctx ends or an error comes, and look at least as often as lookEvery. The
// datagram is valid during the call.
func receive(ctx context.Context, conn *net.UDPConn, take func(b []byte, from netip.AddrPort) error, look func() error) error {
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, maxDatagramBytes)
	var next time.Time
	for ctx.Err() == nil {
		now := time.Now()
		if !now.Before(next) {
			if err := look(); err != nil {
				return err
			}
			next = now.Add(lookEvery)
			_ = conn.SetReadDeadline(next)
			if ctx.Err() != nil { // it may have ended before the deadline was set
				break
			}
		}
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			next = time.Time{}
			continue
		case err != nil:
			return err
		}
		if err := take(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port())); err != nil {
			return err
		}
	}
	return nil
}
