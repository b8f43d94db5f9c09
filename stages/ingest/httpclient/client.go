// Package httpclient makes the HTTP clients of pulled streams. They verify the server's certificate or pin it, take no secret
// of a URL to another host, and let no server lead them to a nearer network: see Place.
package httpclient

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/config"
)

const (
	dialTimeout    = 10 * time.Second
	idleTimeout    = 30 * time.Second // of a connection without a request
	maxRedirects   = 3
	maxHeaderBytes = 64 << 10
)

// Clients makes the clients of a stream.
type Clients struct {
	PlaceOf func(netip.Addr) Place // of the servers
	pin     []byte                 // SHA-256 of the only accepted certificate; nil: the system decides
	timeout time.Duration
}

// New makes the Clients for the URLs of a scheme, http or https. fingerprint is the only accepted certificate's, or empty (see
// certificate.ReadFingerprint). A server that does not answer a request within the timeout fails it.
func New(fingerprint, scheme string, timeout time.Duration) (*Clients, error) {
	c := &Clients{PlaceOf: placeHere, timeout: timeout}
	if fingerprint == "" {
		return c, nil
	}
	if scheme != "https" {
		return nil, errors.New("tls.fingerprint is for URLs whose connection is encrypted")
	}
	var err error
	c.pin, err = certificate.ReadFingerprint(fingerprint)
	return c, err
}

// Client makes a client for one pull, whose first request is that of the pull URL: it decides where others may lead.
func (c *Clients) Client() *http.Client {
	within := &reach{placeOf: c.PlaceOf}
	return &http.Client{
		CheckRedirect: redirect,
		Transport: &http.Transport{
			DialContext:         within.dial(net.Dialer{Timeout: min(dialTimeout, c.timeout)}),
			TLSClientConfig:     certificate.ClientConfig("", c.pin), // the name is that of each request
			TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: c.timeout, MaxResponseHeaderBytes: maxHeaderBytes,
			DisableCompression: true, IdleConnTimeout: idleTimeout, MaxIdleConns: 8, MaxIdleConnsPerHost: 4,
		},
	}
}

// redirect decides about a redirect.
func redirect(to *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("the server redirects more than %d times", maxRedirects)
	case to.URL.Scheme != "http" && to.URL.Scheme != "https", via[0].URL.Scheme == "https" && to.URL.Scheme != "https":
		return fmt.Errorf("the server redirects to %s, which is not followed", config.ShownURL(to.URL))
	}
	to.Header.Del("Referer") // the query of the URL may have a secret
	if !SameHost(to.URL, via[0].URL) {
		to.Header.Del("Authorization") // net/http keeps it for other ports and for subdomains
	}
	return nil
}

// SameHost reports whether two URLs are of one host and port.
func SameHost(a, b *url.URL) bool { return strings.EqualFold(a.Host, b.Host) && a.Scheme == b.Scheme }
