// Package httpclient makes the HTTP clients of pulled streams. They verify the server's certificate or pin it, and take no
// secret of a URL to another host.
package httpclient

import (
	"errors"
	"fmt"
	"net"
	"net/http"
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

// New makes a client for the URLs of a scheme, http or https. fingerprint is the only accepted certificate's, or empty (see
// certificate.ReadFingerprint). A server that does not answer a request within the timeout fails it.
func New(fingerprint, scheme string, timeout time.Duration) (*http.Client, error) {
	var pin []byte
	if fingerprint != "" {
		if scheme != "https" {
			return nil, errors.New("tls.fingerprint is for URLs whose connection is encrypted")
		}
		var err error
		if pin, err = certificate.ReadFingerprint(fingerprint); err != nil {
			return nil, err
		}
	}
	return &http.Client{
		CheckRedirect: redirect,
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: min(dialTimeout, timeout)}).DialContext,
			TLSClientConfig:     certificate.ClientConfig("", pin), // the name is that of each request
			TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: maxHeaderBytes,
			DisableCompression: true, IdleConnTimeout: idleTimeout, MaxIdleConns: 8, MaxIdleConnsPerHost: 4,
		},
	}, nil
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

// Explain returns an error of a request without the URL, whose query may have a secret, and says how to pin a certificate
// that is not trusted. It returns nil for nil.
func Explain(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	if err != nil && strings.HasPrefix(err.Error(), "failed to parse Location header") { // net/http has no error value of it
		return errors.New("the server redirects to a URL that cannot be read")
	}
	return certificate.Explain(err)
}
