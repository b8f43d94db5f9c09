// Package forwarded determines the address that a request came from through trusted proxies, by
// X-Forwarded-For or Forwarded (RFC 7239).
//
// Each proxy appends the address of its client, so the entries at the right were written by trusted
// proxies, and entries further to the left may be forged. The list is therefore read from the
// right, as far as the addresses are trusted, and the next one is the client.
package forwarded

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds the number of proxies.
const maxHops = 16

// Client returns the client's address of a request: the address of the connection, unless it is a
// trusted proxy. It is the connection's address, too, when the header is invalid as far as it must
// be read, when a proxy hides the address, or when two headers differ. The result has a port only
// if it is the connection's.
func Client(r *http.Request, trusted []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !isTrusted(peer.Addr(), trusted) {
		return r.RemoteAddr
	}
	var client netip.Addr
	for name, address := range map[string]func(string) (netip.Addr, bool){"X-Forwarded-For": plain, "Forwarded": element} {
		lines := r.Header.Values(name)
		if len(lines) == 0 {
			continue
		}
		told, ok := first(lines, address, trusted)
		if !ok || client.IsValid() && client != told { // the client itself wrote one of them
			return r.RemoteAddr
		}
		client = told
	}
	if !client.IsValid() {
		return r.RemoteAddr
	}
	return client.String()
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// first returns the first untrusted address from the right, or the leftmost one.
func first(lines []string, address func(string) (netip.Addr, bool), trusted []netip.Prefix) (client netip.Addr, ok bool) {
	hops := 0
	for _, line := range slices.Backward(lines) {
		for more := true; more; {
			var last string
			line, last, more = cutLast(line)
			if last == "" { // RFC 9110, 5.6.1.2
				continue
			}
			if hops++; hops > maxHops {
				return netip.Addr{}, false
			}
			if client, ok = address(last); !ok {
				return netip.Addr{}, false
			}
			if !isTrusted(client, trusted) {
				return client, true
			}
		}
	}
	return client, client.IsValid()
}

// cutLast cuts a list at its last comma outside quotes. It scans from the right, because quotes
// that a client opened further to the left must not hide the entries of a proxy.
func cutLast(list string) (before, last string, more bool) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch list[i] {
		case '"':
			if i == 0 || list[i-1] != '\\' {
				quoted = !quoted
			}
		case ',':
			if !quoted {
				return list[:i], strings.Trim(list[i+1:], " \t"), true
			}
		}
	}
	return "", strings.Trim(list, " \t"), false
}

// element parses an element of Forwarded: pairs, of which for= is the client's address.
func element(text string) (client netip.Addr, ok bool) {
	for pair := range strings.SplitSeq(text, ";") {
		name, value, is := strings.Cut(strings.Trim(pair, " \t"), "=")
		if !is || strings.Contains(name, `"`) {
			return netip.Addr{}, false
		}
		if !strings.EqualFold(name, "for") {
			continue
		}
		if client.IsValid() {
			return netip.Addr{}, false // ambiguous
		}
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		if client, ok = plain(value); !ok {
			return netip.Addr{}, false
		}
	}
	return client, client.IsValid()
}

// plain parses an address with or without a port: IPv6 in brackets, or bare. Hidden addresses such
// as unknown or _name are invalid.
func plain(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		if inside, is := strings.CutPrefix(text, "["); is && strings.HasSuffix(inside, "]") {
			a, err = netip.ParseAddr(inside[:len(inside)-1])
			if err != nil || !a.Is6() {
				return netip.Addr{}, false
			}
		} else if ap, err := netip.ParseAddrPort(text); err == nil {
			a = ap.Addr()
		} else {
			return netip.Addr{}, false
		}
	}
	if a.Zone() != "" { // a zone may be any text
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}
