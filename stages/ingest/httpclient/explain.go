package httpclient

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/config"
)

// The errors of URLs whose scheme is that of the other kind of connection.
var (
	errNoTLS = errors.New("the server does not speak TLS at this port: write the scheme without the s, such as http://")
	ErrTLS   = errors.New("this port of the server speaks TLS: write the scheme with an s, such as https://")
)

// Explain returns an error of a request without the URL, whose query may have a secret. It says what to do about a certificate
// that is not trusted, and about a URL of the wrong scheme. It returns nil for nil.
func Explain(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		err = of.Err
	}
	if err == nil {
		return nil
	}
	nearer, text := (*NearerError)(nil), err.Error()
	switch {
	case of != nil && errors.As(err, &nearer):
		to, _ := url.Parse(of.URL) // nil: the placeholder
		return fmt.Errorf("%s is not followed: %w", config.ShownURL(to), nearer)
	case strings.HasPrefix(text, "failed to parse Location header"): // net/http has no error values of these
		return errors.New("the server redirects to a URL that cannot be read")
	case errors.As(err, &tls.RecordHeaderError{}), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return errNoTLS
	case strings.Contains(text, `malformed HTTP response "\x15\x03`): // an alert of TLS
		return ErrTLS
	}
	return certificate.Explain(err)
}

// complaints are in the answers to a request without TLS of servers that speak TLS: of Go, nginx and Apache.
var complaints = []string{"http request to an https server", "sent to https port", "plain http to an ssl-enabled server port"}

// maxComplaintBytes bounds how much of an answer is read.
const maxComplaintBytes = 4 << 10

// WantsTLS reports whether a server says by an answer that its port speaks TLS. It reads from the body.
func WantsTLS(r *http.Response) bool {
	if r.StatusCode != http.StatusBadRequest || r.Request.URL.Scheme != "http" {
		return false
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxComplaintBytes))
	text := strings.ToLower(string(body))
	return slices.ContainsFunc(complaints, func(c string) bool { return strings.Contains(text, c) })
}
