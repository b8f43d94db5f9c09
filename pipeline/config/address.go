package config

import (
	"net"
	"strings"
)

// Address is a listening address of a server with its access control.
type Address struct {
	Listen    string // host:port; empty: the server does not listen
	Encrypted bool
	Cert, Key string // PEM files; both empty: the address has none of its own
	Passwords bool   // accepts plain passwords, on a private or encrypted connection or by setting
	Digests   bool   // accepts digest authentication (RFC 7616)
}

// Public reports whether other machines can reach the address.
func (a Address) Public() bool {
	host, _, err := net.SplitHostPort(a.Listen)
	return err == nil && !Loopback(host)
}

// TakesOnlyDigests reports whether the address accepts no plain passwords.
func (a Address) TakesOnlyDigests() bool {
	return a.Public() && !a.Encrypted && !a.Passwords && a.Digests
}

// Loopback reports whether only this machine can reach a host of a listening address: localhost,
// 127.0.0.0/8, ::1, with or without brackets, also in IPv6 form (::ffff:127.0.0.1). Other names are
// not resolved, because their addresses may change. An empty host, 0.0.0.0 and :: are all addresses
// of the machine.
func Loopback(host string) bool {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
