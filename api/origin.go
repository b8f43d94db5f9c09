package api

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/gospool/spool/api/conn"
	"github.com/gospool/spool/api/forwarded"
)

// policy is the Content-Security-Policy of every answer. It allows the web page to load resources
// only from this server, and to run no inline script.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const maxQueryBytes = 4096

// ServeHTTP answers a request. It refuses a request with an invalid path, a too long query, a
// foreign host name, a foreign origin or a too large Content-Length before any route gets it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	r.RemoteAddr = forwarded.Client(r, s.cfg.Proxies)
	defer conn.Begin(r.Context())()
	b := conn.TakeBody(w, r, s.cfg.Limits.BodyBytes, s.cfg.Limits.ReadBody)
	if err := s.guard(r); err != nil {
		s.fail(w, r, err)
	} else {
		s.router.ServeHTTP(w, r)
	}
	b.Finish(w, r)
}

func (s *Server) guard(r *http.Request) error {
	if err := checkURLPath(r.URL); err != nil {
		return BadRequest("%v", err)
	}
	if len(r.URL.RawQuery) > maxQueryBytes {
		return BadRequest("the query is %d bytes long, at most %d are taken", len(r.URL.RawQuery), maxQueryBytes)
	}
	if !s.hosts.allow(r.Host) {
		return failure(http.StatusForbidden, "this server is not %.80q: use its address, or add the name to http.hosts", r.Host)
	}
	if err := s.origins.Check(r); err != nil {
		return failure(http.StatusForbidden, "a page of another site may not do this")
	}
	if limit := s.cfg.Limits.BodyBytes; r.ContentLength > limit {
		return &http.MaxBytesError{Limit: limit}
	}
	return nil
}

// hosts holds the names that a request may have in its header Host while no authentication is
// configured. A web page of another site can let its own domain name point at this server (DNS
// rebinding): for a browser it then has the origin of this server, and may read all answers. Its
// requests have that domain name as Host, which is not among the names here. It cannot use an IP
// address, localhost, or a name that another owner controls.
type hosts struct {
	any   bool
	names []string
}

func newHosts(c Config) hosts {
	h := hosts{any: !c.Auth.Open(), names: []string{"localhost"}}
	if own, err := os.Hostname(); err == nil {
		h.names = append(h.names, strings.ToLower(own))
	}
	for _, name := range c.Hosts {
		h.names = append(h.names, strings.ToLower(strings.TrimSuffix(name, ".")))
	}
	return h
}

func (h hosts) allow(host string) bool {
	if h.any || host == "" { // a client without the header Host (HTTP/1.0) is not a browser
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(host, "."), "["), "]"))
	_, err := netip.ParseAddr(host)
	return err == nil || slices.Contains(h.names, host) || strings.HasSuffix(host, ".localhost")
}
