package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// The schemes of addresses.
const (
	schemeUDP = "udp"
	schemeRTP = "rtp"
)

const addressForm = "write udp://HOST:PORT or rtp://HOST:PORT with the address of this machine or the multicast group, and ?source=ADDRESS&interface=NAME&from=ADDRESSES for a group's sender, its interface, and the senders that may send"

// Address is where datagrams arrive.
type Address struct {
	Listen    string         // host:port
	Group     netip.Addr     // the multicast group; invalid: unicast
	Source    netip.Addr     // the only sender of the group (RFC 4607); invalid: any
	Interface string         // network interface on which the group is joined; empty: the system's choice
	From      []netip.Prefix // senders whose datagrams are taken; empty: all
	RTP       bool           // datagrams without an RTP header are refused
	origin    string         // for the status
}

// ParseAddress reads an address such as udp://239.1.1.1:5000?source=10.0.0.7&interface=eth0. The error names the wrong
// part.
func ParseAddress(u *url.URL) (a Address, err error) {
	host, port := u.Hostname(), u.Port()
	if u.Scheme != schemeUDP && u.Scheme != schemeRTP || host == "" || u.User != nil || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return a, errors.New(addressForm)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return a, errors.New("the address has no port: " + addressForm)
	}
	a = Address{Listen: net.JoinHostPort(host, port), RTP: u.Scheme == schemeRTP, origin: u.Scheme + " " + net.JoinHostPort(host, port)}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsMulticast() {
		a.Group = ip.Unmap()
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return a, errors.New("the options of the address cannot be read: " + addressForm)
	}
	for key, values := range query {
		for _, value := range values {
			if err := a.option(key, value); err != nil {
				return a, err
			}
		}
	}
	if !a.Group.IsValid() && (a.Source.IsValid() || a.Interface != "") {
		return a, errors.New("source and interface are for multicast groups: use from for the senders that may send")
	}
	if a.Source.IsValid() && a.Source.Is4() != a.Group.Is4() {
		return a, errors.New("source and group are not both IPv4 or both IPv6")
	}
	return a, nil
}

// option sets an option.
func (a *Address) option(key, value string) (err error) {
	switch key {
	case "source":
		if a.Source, err = netip.ParseAddr(value); err != nil || a.Source.IsMulticast() || a.Source.IsUnspecified() {
			return fmt.Errorf("source=%.64q is no address of a host", value)
		}
		a.Source = a.Source.Unmap()
	case "interface":
		if a.Interface = value; value == "" || len(value) > 64 {
			return fmt.Errorf("interface=%.64q is no name of a network interface", value)
		}
	case "from":
		prefix, err := parsePrefix(value)
		if err != nil {
			return fmt.Errorf("from=%.64q is no address and no network such as 10.0.0.0/8", value)
		}
		a.From = append(a.From, prefix)
	default:
		return fmt.Errorf("there is no option %.20q of an address; known are source, interface and from", key)
	}
	return nil
}

// parsePrefix reads an address or a network.
func parsePrefix(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

// permits reports whether datagrams of a sender are taken.
func (a *Address) permits(from netip.Addr) bool {
	for _, p := range a.From {
		if p.Contains(from) {
			return true
		}
	}
	return len(a.From) == 0
}
