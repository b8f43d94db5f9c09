package config

import (
	"net"
	"strings"
)

// Address is where a server listens, and what it asks of those who come there.
type Address struct {
	Listen    string // host:port; empty: it does not listen
	Encrypted bool
	Cert, Key string // PEM files of its own for that; both empty: it has none
	Passwords bool   // it takes passwords as they are though others could read them, or none can
	Digests   bool   // it takes responses to challenges (RFC 7616)
}

// Public reports whether others than this machine reach the address.
func (a Address) Public() bool {
	host, _, err := net.SplitHostPort(a.Listen)
	return err == nil && !Loopback(host)
}

// TakesOnlyDigests reports whether a password is of no use there.
func (a Address) TakesOnlyDigests() bool {
	return a.Public() && !a.Encrypted && !a.Passwords && a.Digests
}

// Loopback reports whether only this machine reaches a host, as an address to listen at
// names it: localhost, 127.0.0.0/8, ::1, in brackets or without, also where IPv6 writes
// it (::ffff:127.0.0.1). Another name is not looked up: what it means may change. No host
// at all is all addresses of the machine, as 0.0.0.0 and :: are.
func Loopback(host string) bool {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
