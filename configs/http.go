package configs

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/gospool/spool/pipeline/config"
)

// HTTP holds the settings of the API's server.
type HTTP struct {
	Listen         string   `yaml:"listen" doc:"host:port. An address that other machines can reach is refused unless auth is set."`
	Auth           Auth     `yaml:"auth,omitempty" doc:"Users and tokens with their roles. auth: none instead: every client that reaches the address may do everything."`
	TLS            TLS      `yaml:"tls,omitempty" doc:"The certificate; without it there is no encryption."`
	Hosts          []string `yaml:"hosts,omitempty" public:"names of this machine" doc:"Names of the recorder that requests may use while there are no users and tokens, beside localhost, the machine's name and IP addresses. Otherwise a page of another site could reach the API under a name of its own (DNS rebinding). With users or tokens every name is accepted."`
	ServeUnknown   bool     `yaml:"serve_unknown_files" doc:"Serve .mp4 files of the record directory under /mp4/vod even if they are not in the catalogue."`
	FFmpeg         string   `yaml:"ffmpeg" doc:"The program that makes a JPEG for GET /mp4/frame?format=jpeg: ffmpeg, by its path or its name in PATH. It need not be installed: such requests then get 501."`
	MediaMTX       MediaMTX `yaml:"mediamtx,omitempty" doc:"A second listener, with the requests of MediaMTX's playback server (GET /list and GET /get) for clients made for it. It has the users, the tokens and the certificate of http."`
	TrustedProxies []string `yaml:"trusted_proxies,omitempty" doc:"Addresses and networks of proxies whose X-Forwarded-For or Forwarded header names the client: failed sign-ins are counted for that address, and the log names it. The proxy must append to the header or replace it. The headers of other clients are ignored."`
}

// MediaMTX holds the settings of the listener for clients of MediaMTX's playback server.
type MediaMTX struct {
	Listen       string   `yaml:"listen,omitempty" doc:"host:port; empty: there is no such listener. MediaMTX has port 9996. An address that other machines can reach is refused unless auth is set."`
	AllowOrigins []string `yaml:"allow_origins,omitempty" public:"names of web sites" doc:"Origins of the web pages that may read the answers, with scheme, host and port, as https://nvr.example.com or https://*.example.com; * is every page, as in MediaMTX: without users and tokens every page in this machine's browsers can then read the recordings."`
}

// Check returns a problem for each invalid origin.
func (m MediaMTX) Check() config.Problems {
	var c checks
	for i, text := range m.AllowOrigins {
		c.want(isOrigin(text), config.Join("allow_origins", strconv.Itoa(i)), fmt.Sprintf("%.80q is not an origin", text), "* for every page, or scheme, host and port, as https://nvr.example.com or https://*.example.com")
	}
	return c.problems
}

// isOrigin reports whether a text is * or an origin as package mediamtx reads it.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	host := ""
	if err == nil {
		host = strings.TrimPrefix(u.Host, "*.")
	}
	return text == "*" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && host != "" && !strings.Contains(host, "*") && text == u.Scheme+"://"+u.Host
}

// Check returns problems for an invalid address, host name or proxy, and for an API without authentication at an
// address that other machines can reach.
func (h HTTP) Check() config.Problems {
	var c checks
	if _, ok := c.address("listen", h.Listen); ok && !h.Auth.None && h.Auth.Open() {
		c.mustBeHere("listen", config.Address{Listen: h.Listen}, "it has no users and tokens", "http")
	}
	if at := h.MediaMTX.Listen; at != "" {
		if _, ok := c.address("mediamtx/listen", at); ok && !h.Auth.None && h.Auth.Open() {
			c.mustBeHere("mediamtx/listen", config.Address{Listen: at}, "it has no users and tokens", "http")
		}
	}
	for i, name := range h.Hosts {
		c.want(isHostName(name), config.Join("hosts", strconv.Itoa(i)), fmt.Sprintf("%.80q is not a host name", name),
			"as a browser sends it, without scheme, port and *: recorder.lan; other letters than a to z as xn--")
	}
	for i, text := range h.TrustedProxies {
		if _, why := proxyNetwork(text); why != "" {
			c.add(config.Join("trusted_proxies", strconv.Itoa(i)), fmt.Sprintf("%.80q %s", text, why), "for example 127.0.0.1, 10.0.0.0/8 or 2001:db8::/32")
		}
	}
	return c.problems
}

// Proxies returns trusted_proxies as networks. It leaves out invalid entries.
func (h HTTP) Proxies() (out []netip.Prefix) {
	for _, text := range h.TrustedProxies {
		if p, why := proxyNetwork(text); why == "" {
			out = append(out, p)
		}
	}
	return out
}

// proxyNetwork parses the address or network of a trusted proxy. why is the text of the problem if it cannot be
// trusted, and empty if it can.
func proxyNetwork(text string) (p netip.Prefix, why string) {
	a, err := netip.ParseAddr(text)
	if err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	p, err = netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, "is neither an address nor a network"
	case p.Addr().Is4In6():
		return p, "is an IPv4 network in IPv6 notation: write it as IPv4"
	case p.Bits() == 0:
		return p, "covers all addresses, so that every client could forge its address"
	case p != p.Masked():
		return p, fmt.Sprintf("has bits beyond its prefix length: the network is %s", p.Masked())
	}
	return p, ""
}

// isHostName reports whether a browser can send the name as the host of a URL.
func isHostName(name string) bool {
	if net.ParseIP(name) != nil {
		return true // an IP address is accepted without this setting, too
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
