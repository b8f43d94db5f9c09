// Package forwarded determines the client's address of a request that came through trusted proxies,
// from the header X-Forwarded-For or Forwarded (RFC 7239).
//
// Each proxy appends the address of its own client to the list in the header. So the entries at the
// right were written by trusted proxies, while a client may have forged the entries to their left.
// The package therefore reads the list from the right: the first address that is no trusted proxy is
// the client.
package forwarded

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds the number of entries that are read: a header with more proxies is invalid.
const maxHops = 16

// Client returns the client's address of a request. trusted holds the addresses of trusted proxies.
//
// If the connection comes from a trusted proxy, Client returns the address in the header
// X-Forwarded-For or Forwarded, without a port. Otherwise it returns r.RemoteAddr, the address of the
// connection with its port. It also returns r.RemoteAddr if the request has neither header, if an
// entry that Client reads is invalid or hides the address, and if both headers are present and name
// different clients.
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
		if !ok || client.IsValid() && client != told { // if two headers differ, the client may have written one of them
			return r.RemoteAddr
		}
		client = told
	}
	if !client.IsValid() {
		return r.RemoteAddr
	}
	return client.String()
}

// Scheme returns the scheme of the URL with which a client has reached the server, http or https: that of the header
// X-Forwarded-Proto if the connection comes from a trusted proxy, else that of the connection.
func Scheme(r *http.Request, trusted []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if told := strings.ToLower(r.Header.Get("X-Forwarded-Proto")); err == nil && isTrusted(peer.Addr(), trusted) && (told == "http" || told == "https") {
		return told
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// first returns the rightmost address in the lines of a header that is not in trusted. If all
// addresses are in trusted, it returns the leftmost one. address parses one entry of the header. ok
// is false if address refuses an entry that first reads, if first would read more than maxHops
// entries, or if the header has no entry.
func first(lines []string, address func(string) (netip.Addr, bool), trusted []netip.Prefix) (client netip.Addr, ok bool) {
	hops := 0
	for _, line := range slices.Backward(lines) {
		for more := true; more; {
			var last string
			line, last, more = cutLast(line)
			if last == "" { // a list may have empty elements (RFC 9110, 5.6.1.2)
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

// cutLast cuts a comma-separated list before its last element. more is false if there is no further
// element before it. Commas in quotes do not separate. cutLast scans from the right, because a quote
// that a client has opened further to the left must not hide the entries of a proxy.
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

// element returns the address in an element of the header Forwarded, which is a list of pairs such as
// for=192.0.2.1;proto=https. It returns false if the element is invalid or has not exactly one for=.
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
			return netip.Addr{}, false // a second for= is ambiguous
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

// plain parses an IP address with or without a port; an IPv6 address may have brackets. It returns
// false for any other text, such as unknown or _name, by which a proxy hides an address (RFC 7239,
// 6).
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
	if a.Zone() != "" { // the zone of an IPv6 address may be any text that the client chose
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}
