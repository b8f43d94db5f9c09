package httppull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/stages/ingest/hls"
	"github.com/gospool/spool/stages/ingest/httpclient"
)

// get requests a URL, and a range of bytes if that is not empty. Its caller closes the body of the response. An error does
// not have the URL. The user and the password of the pull URL go to its host alone, by its scheme.
func (p *puller) get(ctx context.Context, from *url.URL, bytes string) (*http.Response, error) {
	if from.Scheme != "http" && from.Scheme != "https" || from.Host == "" || p.URL.Scheme == "https" && from.Scheme != "https" {
		return nil, hls.NotFollowedError{Err: fmt.Errorf("%s is not followed: %s URLs lead to others of their kind", config.ShownURL(from), p.URL.Scheme)}
	}
	u := *from
	u.User = nil
	ctx, cancel := context.WithCancelCause(ctx)
	silence := time.AfterFunc(p.timeout, func() { cancel(fmt.Errorf("the server sends no data for %v", p.timeout)) })
	end := func() {
		silence.Stop()
		cancel(nil)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		end()
		return nil, errors.New("the URL cannot be requested")
	}
	if p.URL.User != nil && httpclient.SameHost(&u, p.URL) {
		password, _ := p.URL.User.Password()
		req.SetBasicAuth(p.URL.User.Username(), password)
	}
	if bytes != "" {
		req.Header.Set("Range", bytes)
	}
	got, err := p.client.Do(req)
	if err != nil {
		defer end()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if nearer := (*httpclient.NearerError)(nil); errors.As(err, &nearer) {
			return nil, hls.NotFollowedError{Err: httpclient.Explain(err)}
		}
		return nil, httpclient.Explain(err)
	}
	got.Body = &watched{got.Body, ctx, silence, p.timeout, end}
	if got.StatusCode != http.StatusOK && (bytes == "" || got.StatusCode != http.StatusPartialContent) {
		defer got.Body.Close()
		if httpclient.WantsTLS(got) {
			return nil, httpclient.ErrTLS
		}
		return nil, hls.StatusError{Code: got.StatusCode}
	}
	return got, nil
}

// watched is a body whose silence a timer bounds.
type watched struct {
	io.ReadCloser
	ctx     context.Context // of the request
	timer   *time.Timer
	timeout time.Duration
	end     func()
}

func (w *watched) Read(b []byte) (int, error) {
	w.timer.Reset(w.timeout)
	n, err := w.ReadCloser.Read(b)
	w.timer.Stop() // until the next Read: the bytes may be played at their own pace
	if err != nil && w.ctx.Err() != nil {
		err = context.Cause(w.ctx)
	}
	return n, err
}

// Close ends the request.
func (w *watched) Close() error {
	w.end()
	return w.ReadCloser.Close()
}
