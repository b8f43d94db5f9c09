package api

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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
	s.guarded(w, r, func() { s.router.ServeHTTP(w, r) })
}

// guarded sets the headers of every answer, and passes a request on unless it refuses it.
func (s *Server) guarded(w http.ResponseWriter, r *http.Request, pass func()) {
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
		pass()
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

const maxURLPathBytes = 4096

// checkURLPath refuses the path of a request if it is longer than maxURLPathBytes, or if the
// router, the file system and a proxy could read it differently. Such a path holds encoded slashes
// or backslashes, control characters, bytes that are not UTF-8, the segments . and .., or empty
// segments except at the end. checkURLPath checks both the path as it was sent and the path that
// net/url has decoded.
func checkURLPath(u *url.URL) error {
	sent := u.EscapedPath()
	if len(sent) > maxURLPathBytes {
		return fmt.Errorf("the path is %d bytes long, at most %d are taken", len(sent), maxURLPathBytes)
	}
	if !strings.HasPrefix(sent, "/") {
		return errors.New("the path does not begin with a slash")
	}
	lower := strings.ToLower(sent)
	if strings.Contains(lower, "%2f") || strings.Contains(lower, "%5c") {
		return errors.New("the path holds an encoded slash or backslash: write the slashes of a stream path or file name as they are")
	}
	if strings.HasSuffix(u.Path, "/") && len(u.Path) > 1 {
		return checkSegments(u.Path[1 : len(u.Path)-1])
	}
	return checkSegments(u.Path[1:])
}

func checkSegments(p string) error {
	if p == "" {
		return nil
	}
	if !utf8.ValidString(p) {
		return errors.New("the path is not UTF-8")
	}
	for _, r := range p {
		if unicode.IsControl(r) || r == '\\' {
			return fmt.Errorf("the path holds the character %q", r)
		}
	}
	for seg := range strings.SplitSeq(p, "/") {
		if seg == "" || seg == "." || seg == ".." {
			return fmt.Errorf("the path has the segment %q", seg)
		}
	}
	return nil
}
