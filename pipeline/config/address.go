package config

import (
	"net"
	"strings"
)

// Loopback reports whether only this machine reaches a host, as an address to listen at
// names it: localhost, 127.0.0.0/8, ::1, in brackets or without, also where IPv6 writes
// it (::ffff:127.0.0.1). Another name is not looked up: what it means may change. No host
// at all is all addresses of the machine, as 0.0.0.0 and :: are.
func Loopback(host string) bool {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
