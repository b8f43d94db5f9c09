// Package forwarded tells which address a request came from, where trusted proxies hand
// it on: by X-Forwarded-For, or by Forwarded (RFC 7239).
//
// Each proxy adds the address that it was asked from at the right, so what stands there
// was written by those who are trusted; what stands further to the left may have been
// written by anybody. The list is therefore read from the right, as far as the addresses
// are trusted, and the next one is the client.
package forwarded

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops is how many proxies a request may have come through.
const maxHops = 16

// Client returns the address of who made a request: that of the connection, unless it is
// trusted. A header that cannot be read as far as that takes, an address that a proxy
// hides, and two headers that differ say nothing: then it is the connection's, too. The
// result has a port only where it is the connection's.
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

// first returns the first address from the right that is not trusted, or the leftmost.
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

// cutLast cuts a list at its last comma outside quotes. From the right, since quotes that
// somebody opened further to the left must not hide what a proxy has added.
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

// element reads one of Forwarded: pairs, of which for= is the client's address.
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
			return netip.Addr{}, false // which of the two?
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

// plain reads an address with or without a port: IPv6 in brackets, or as it is. What
// hides one, as unknown or _name, is none.
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
	if a.Zone() != "" { // which may be any text
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}
