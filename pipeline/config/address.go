package config

import (
	"net"
	"strings"
)

// Address is the address at which a server listens, with its access control.
type Address struct {
	Listen    string // host:port; empty if the server does not listen
	Encrypted bool   // connections use TLS
	Cert, Key string // paths of PEM files; empty if the server has no certificate of its own
	Passwords bool   // the server accepts plain passwords from all machines that can reach it
	Digests   bool   // the server accepts digest authentication (RFC 7616)
	Signalled bool   // only clients whose request the HTTP server has accepted can connect
}

// Public reports whether other machines can reach the address.
func (a Address) Public() bool {
	host, _, err := net.SplitHostPort(a.Listen)
	return err == nil && !Loopback(host)
}

// TakesOnlyDigests reports whether clients on other machines must use digest authentication.
func (a Address) TakesOnlyDigests() bool {
	return a.Public() && !a.Encrypted && !a.Passwords && a.Digests
}

// Loopback reports whether only this machine can reach the host of a listening address. That is so for
// localhost, for 127.0.0.0/8 also in IPv6 form (::ffff:127.0.0.1), and for ::1. The host may be in brackets.
// Loopback does not resolve other names, because their addresses may change: it returns false. It also returns
// false for an empty host, 0.0.0.0 and ::, which stand for all addresses of the machine.
func Loopback(host string) bool {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
