package configs

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// HTTP is the API's server.
type HTTP struct {
	Listen         string   `yaml:"listen" doc:"host:port. An address that others can reach is refused unless auth is written out."`
	Auth           Auth     `yaml:"auth,omitempty" doc:"Who may do what. auth: none in place of it: whoever reaches the address may do everything."`
	TLS            TLS      `yaml:"tls,omitempty" doc:"The certificate; without it there is no encryption."`
	Hosts          []string `yaml:"hosts,omitempty" public:"names of this machine" doc:"Names by which the recorder is called while nobody is asked who he is, beside localhost, the machine's own name and addresses: a page of another site may have its own name lead here. With users or tokens every name will do."`
	ServeUnknown   bool     `yaml:"serve_unknown_files" doc:"Serve under /mp4/vod also those .mp4 files of the record directory that the catalogue does not have."`
	TrustedProxies []string `yaml:"trusted_proxies,omitempty" doc:"Addresses and networks of proxies that tell by X-Forwarded-For or Forwarded whom they ask for: failed sign-ins are counted for that address, and the log names it. The proxy must add to the header, or set it. What others send in it is not looked at."`
}

// Check keeps an API without access control on this machine.
func (h HTTP) Check() config.Problems {
	var c checks
	if _, ok := c.address("listen", h.Listen); ok && !h.Auth.None && h.Auth.Open() {
		c.mustBeHere("listen", config.Address{Listen: h.Listen}, "nobody is asked who he is", "http")
	}
	for i, name := range h.Hosts {
		c.want(isHostName(name), config.Join("hosts", strconv.Itoa(i)), fmt.Sprintf("%.80q is no name of a host", name),
			"as a browser sends it, without scheme, port and *: recorder.lan; other letters than a to z as xn--")
	}
	for i, text := range h.TrustedProxies {
		if _, why := proxyNetwork(text); why != "" {
			c.add(config.Join("trusted_proxies", strconv.Itoa(i)), fmt.Sprintf("%.80q %s", text, why), "for example 127.0.0.1, 10.0.0.0/8 or 2001:db8::/32")
		}
	}
	return c.problems
}

// Proxies returns the networks that trusted_proxies are.
func (h HTTP) Proxies() (out []netip.Prefix) {
	for _, text := range h.TrustedProxies {
		if p, why := proxyNetwork(text); why == "" {
			out = append(out, p)
		}
	}
	return out
}

// proxyNetwork reads an address or a network, or says why it cannot be trusted.
func proxyNetwork(text string) (p netip.Prefix, why string) {
	a, err := netip.ParseAddr(text)
	if err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	p, err = netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, "is no address and no network"
	case p.Addr().Is4In6():
		return p, "is a network of IPv4: write it as one"
	case p.Bits() == 0:
		return p, "is everybody: anybody could say who he is"
	case p != p.Masked():
		return p, fmt.Sprintf("has bits beyond its length: %s is the network", p.Masked())
	}
	return p, ""
}

// isHostName reports whether a browser could send a name as the host of a URL.
func isHostName(name string) bool {
	if net.ParseIP(name) != nil {
		return true // needless, and harmless
	}
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		odd := func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, odd) {
			return false
		}
	}
	return true
}
