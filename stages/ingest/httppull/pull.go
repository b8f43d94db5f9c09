package httppull

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

func init() {
	hub.RegisterScheme("http", newPuller)
	hub.RegisterScheme("https", newPuller)
}

// puller publishes the body of the response to a request of a URL.
type puller struct {
	hub.PullOptions
	timeout time.Duration
	client  *http.Client
}

const (
	defaultTimeout = 10 * time.Second // for a body that does not go on
	dialTimeout    = 10 * time.Second
	maxRedirects   = 3
	maxHeaderBytes = 64 << 10
)

func newPuller(o hub.PullOptions) (hub.Puller, error) {
	if o.URL.Hostname() == "" {
		return nil, errors.New("the pull URL has no host")
	}
	if o.Transport != "" {
		return nil, errors.New("transport is not for http URLs")
	}
	if o.Clock == nil {
		o.Clock = pipeline.SystemClock
	}
	p := &puller{PullOptions: o, timeout: cmp.Or(o.ReadTimeout, defaultTimeout)}
	var pin []byte
	if o.Fingerprint != "" {
		if o.URL.Scheme != "https" {
			return nil, errors.New("tls.fingerprint is for https URLs")
		}
		var err error
		if pin, err = certificate.ReadFingerprint(o.Fingerprint); err != nil {
			return nil, err
		}
	}
	p.client = &http.Client{
		CheckRedirect: p.redirect,
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: min(dialTimeout, p.timeout)}).DialContext,
			TLSClientConfig:     certificate.ClientConfig("", pin), // the name is that of each request
			TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: p.timeout, MaxResponseHeaderBytes: maxHeaderBytes,
			DisableCompression: true, DisableKeepAlives: true,
		},
	}
	return p, nil
}

// redirect decides about a redirect.
func (p *puller) redirect(to *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("the server redirects more than %d times", maxRedirects)
	case to.URL.Scheme != "http" && to.URL.Scheme != "https", via[0].URL.Scheme == "https" && to.URL.Scheme != "https":
		return fmt.Errorf("the server redirects to %s, which is not followed", config.ShownURL(to.URL))
	}
	to.Header.Del("Referer") // the query of the URL may have a secret
	if !strings.EqualFold(to.URL.Host, via[0].URL.Host) {
		to.Header.Del("Authorization") // net/http keeps it for other ports and for subdomains
	}
	return nil
}

// response is an answer whose body is a stream.
type response struct {
	*http.Response
	kind string        // media type in lower case, without parameters
	body *bufio.Reader // of the body
}

// kind is a form of stream.
type kind struct {
	name string
	is   func(r *response) bool
	play func(p *puller, ctx context.Context, r *response, publish func(string) (*hub.Publisher, error)) error
}

// kinds lists the forms, the first that fits is that of a response.
var kinds = []kind{
	{"MPEG-TS", isTransportStream, (*puller).transportStream},
}

// Pull publishes the stream of the URL.
func (p *puller) Pull(ctx context.Context, publish func(string) (*hub.Publisher, error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := fmt.Errorf("the server sends no data for %v", p.timeout)
	watch := time.AfterFunc(p.timeout, func() { cancel(silent) })
	defer watch.Stop()
	err := p.pull(ctx, cancel, watch, publish)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (p *puller) pull(ctx context.Context, cancel context.CancelCauseFunc, watch *time.Timer, publish func(string) (*hub.Publisher, error)) error {
	u := *p.URL
	u.User = nil
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return errors.New("the pull URL is no URL of a request")
	}
	if p.URL.User != nil {
		password, _ := p.URL.User.Password()
		req.SetBasicAuth(p.URL.User.Username(), password)
	}
	got, err := p.client.Do(req)
	if err != nil {
		var of *url.Error // it quotes the URL, whose query may have a secret
		if errors.As(err, &of) {
			err = of.Err
		}
		return certificate.Explain(err)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answers %d %s", got.StatusCode, http.StatusText(got.StatusCode))
	}
	opening := time.AfterFunc(p.timeout, func() { cancel(fmt.Errorf("the server has sent no stream that can be recorded for %v", p.timeout)) })
	defer opening.Stop()
	r := &response{Response: got, body: bufio.NewReaderSize(watched{got.Body, watch, p.timeout}, mpegts.SniffBytes)}
	r.kind, _, _ = mime.ParseMediaType(got.Header.Get("Content-Type"))
	for _, k := range kinds {
		if k.is(r) {
			return k.play(p, ctx, r, func(origin string) (*hub.Publisher, error) { opening.Stop(); return publish(origin) })
		}
	}
	return fmt.Errorf("the server sends no stream that can be read, but %.64q", r.kind)
}

// watched is a body whose silence a timer bounds.
type watched struct {
	io.Reader
	timer   *time.Timer
	timeout time.Duration
}

func (w watched) Read(b []byte) (int, error) {
	w.timer.Reset(w.timeout)
	n, err := w.Reader.Read(b)
	w.timer.Stop() // until the next Read: what was read may be played at its own pace
	return n, err
}
