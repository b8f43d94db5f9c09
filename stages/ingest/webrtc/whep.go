package webrtc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gospool/spool/stages/ingest/httpclient"
)

// answer is the answer of a WHEP server to an offer.
type answer struct {
	text    string
	session *url.URL // of the session, to which a DELETE is sent; nil: the server names none
}

// post sends the offer, and returns the answer.
func (p *puller) post(ctx context.Context, offer string) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, fmt.Errorf("the server has not answered the offer within %v", p.timeout))
	defer cancel()
	res, err := p.request(ctx, http.MethodPost, p.URL, offer)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxBodyBytes+1))
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	switch kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); {
	case err != nil:
		return nil, fmt.Errorf("the answer of the server cannot be read: %w", err)
	case len(text) > maxBodyBytes:
		return nil, fmt.Errorf("the answer of the server is longer than %d bytes", maxBodyBytes)
	case res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answers %d %s%s", res.StatusCode, http.StatusText(res.StatusCode), reason(kind, text))
	case kind != sdpType:
		return nil, fmt.Errorf("the server answers with %.64q instead of a session description: is the URL that of a WHEP endpoint?", kind)
	}
	a := &answer{text: string(text)}
	if at, err := res.Request.URL.Parse(res.Header.Get("Location")); err == nil && res.Header.Get("Location") != "" && httpclient.SameHost(at, res.Request.URL) {
		a.session = at
	}
	return a, nil
}

// maxReason bounds the reason of a refusal that is shown.
const maxReason = 200

// reason returns the reason that a server gives for a refusal, as the end of a sentence, or "".
func reason(kind string, body []byte) string {
	text := strings.TrimSpace(string(body))
	switch kind {
	case "text/plain":
	case "application/json":
		var said struct{ Error string }
		_ = json.Unmarshal(body, &said) // of another form: no reason
		text = said.Error
	default:
		return ""
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf(": %.*q", maxReason, text)
}

// request sends a request, to the host of the pull URL with the credentials of that: a user alone is a bearer token.
func (p *puller) request(ctx context.Context, method string, to *url.URL, body string) (*http.Response, error) {
	u := *to
	u.User = nil
	req, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(body))
	if err != nil {
		return nil, errors.New("the pull URL is no URL of a request")
	}
	if body != "" {
		req.Header.Set("Content-Type", sdpType)
	}
	if user := p.URL.User; user != nil && httpclient.SameHost(to, p.URL) {
		if password, has := user.Password(); has {
			req.SetBasicAuth(user.Username(), password)
		} else {
			req.Header.Set("Authorization", "Bearer "+user.Username())
		}
	}
	res, err := p.client.Do(req)
	return res, httpclient.Explain(err)
}

// leaveTime bounds the time to tell the server that the session has ended.
const leaveTime = 2 * time.Second

// leave tells the server that the session has ended. The server notices it otherwise, too, but later.
func (p *puller) leave(session *url.URL) {
	defer p.client.CloseIdleConnections()
	if session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	if res, err := p.request(ctx, http.MethodDelete, session, ""); err == nil {
		_ = res.Body.Close()
	}
}
