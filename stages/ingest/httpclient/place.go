package httpclient

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// Place tells how near an address is. A higher place is nearer.
type Place int

const (
	Public    Place = iota
	Private         // RFC 1918, RFC 4193, RFC 6598, and all other ranges that no public server has (RFC 6890)
	LinkLocal       // also the metadata of a cloud's machine: 169.254.169.254
	Loopback        // this machine
)

func (p Place) String() string { return [...]string{"public", "private", "link-local", "loopback"}[p] }

// near lists the ranges that are not public. Of several that have an address, the first counts.
var near = []struct {
	is netip.Prefix
	at Place
}{
	{netip.MustParsePrefix("0.0.0.0/8"), Loopback}, // the system connects 0.0.0.0 to itself
	{netip.MustParsePrefix("127.0.0.0/8"), Loopback},
	{netip.MustParsePrefix("::/127"), Loopback}, // :: and ::1
	{netip.MustParsePrefix("169.254.0.0/16"), LinkLocal},
	{netip.MustParsePrefix("fe80::/10"), LinkLocal},
	{netip.MustParsePrefix("10.0.0.0/8"), Private},
	{netip.MustParsePrefix("100.64.0.0/10"), Private},
	{netip.MustParsePrefix("172.16.0.0/12"), Private},
	{netip.MustParsePrefix("192.0.0.0/24"), Private},
	{netip.MustParsePrefix("192.168.0.0/16"), Private},
	{netip.MustParsePrefix("198.18.0.0/15"), Private},
	{netip.MustParsePrefix("224.0.0.0/3"), Private},
	{netip.MustParsePrefix("64:ff9b:1::/48"), Private},
	{netip.MustParsePrefix("fc00::/7"), Private},
	{netip.MustParsePrefix("fec0::/10"), Private},
	{netip.MustParsePrefix("ff00::/8"), Private},
}

// carriers lists the ranges of IPv6 whose addresses have one of IPv4 in them, and where that begins, bytes.
var carriers = []struct {
	is netip.Prefix
	at int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64, RFC 6052
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4, RFC 3056
	{netip.MustParsePrefix("::/96"), 12},        // RFC 4291, 2.5.5.1
}

// PlaceOf returns the place of an address.
func PlaceOf(a netip.Addr) Place {
	a = a.Unmap().WithZone("")
	for _, n := range near {
		if n.is.Contains(a) {
			return n.at
		}
	}
	for _, c := range carriers {
		if b := a.As16(); a.Is6() && c.is.Contains(a) {
			return PlaceOf(netip.AddrFrom4([4]byte(b[c.at:])))
		}
	}
	return Public
}

// placeHere returns the place of an address for this machine: its own addresses are loopback addresses, too.
func placeHere(a netip.Addr) Place {
	own, _ := net.InterfaceAddrs() // without them, PlaceOf decides
	return placeWith(a, own)
}

func placeWith(a netip.Addr, own []net.Addr) Place {
	a = a.Unmap().WithZone("")
	for _, o := range own {
		if n, is := o.(*net.IPNet); is && n.IP.Equal(a.AsSlice()) {
			return Loopback
		}
	}
	return PlaceOf(a)
}

// NearerError is the error of a connection to an address that is nearer than the server of the first connection.
type NearerError struct {
	To, First     netip.Addr
	at, firstlyAt Place
}

func (e *NearerError) Error() string {
	return fmt.Sprintf("its address %v is %v, and the server of the pull URL has the address %v, which is %v: a server may lead to no nearer network; "+
		"if both are in your network, write the address that the server has there in the pull URL", e.To, e.at, e.First, e.firstlyAt)
}

// reach bounds where the connections of a client lead: the first one anywhere, because the user has configured it, and others
// to no nearer place. So a server of the internet does not reach into the network of this machine, nor a camera to the
// loopback addresses. The address is that which the system is about to connect to: another answer of the DNS does not help.
type reach struct {
	placeOf func(netip.Addr) Place
	mu      sync.Mutex // guards first
	first   netip.Addr // of the server of the first connection; the zero value before it
}

// dial is a DialContext of http.Transport.
func (r *reach) dial(with net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	with.Control = func(_, address string, _ syscall.RawConn) error { return r.allows(address) }
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := with.DialContext(ctx, network, address)
		if err == nil {
			r.made(c.RemoteAddr())
		}
		return c, err
	}
}

// allows returns an error for an address, IP:PORT, that is nearer than the first server.
func (r *reach) allows(address string) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.first.IsValid() {
		return nil
	}
	if at, first := r.placeOf(to.Addr()), r.placeOf(r.first); at > first {
		return &NearerError{To: to.Addr(), First: r.first, at: at, firstlyAt: first}
	}
	return nil
}

// made notes a connection to an address.
func (r *reach) made(to net.Addr) {
	tcp, is := to.(*net.TCPAddr)
	r.mu.Lock()
	defer r.mu.Unlock()
	if is && !r.first.IsValid() {
		r.first = tcp.AddrPort().Addr().Unmap()
	}
}
