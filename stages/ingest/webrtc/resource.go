package webrtc

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// The media types of the bodies (RFC 9725, 4.2; RFC 8840, 9).
const (
	sdpType      = "application/sdp"
	fragmentType = "application/trickle-ice-sdpfrag"
)

// maxBodyBytes bounds a session description. Those of browsers have about 10 kB.
const maxBodyBytes = 128 << 10

// Offer answers a POST, which begins a session: see ingest.SignalledServer.
func (s *Server) Offer(w http.ResponseWriter, r *http.Request, action ingest.Action, path, user string) error {
	if action == ingest.ActionPublish && user == "" && s.Authorizer != nil {
		name, err := s.authorize(r, path)
		if err != nil {
			_ = s.refuse(action, path, r.RemoteAddr, err)
			w.Header().Set("WWW-Authenticate", `Basic realm="spool", charset="UTF-8"`)
			return &ingest.Refusal{Status: http.StatusUnauthorized, Reason: "only users of ingest.auth may publish, and these credentials do not permit this stream"}
		}
		user = name
	}
	text, err := body(r)
	if err != nil {
		return err
	}
	o, err := readOffer(text)
	if err != nil {
		return s.refuse(action, path, r.RemoteAddr, &ingest.Refusal{Status: http.StatusBadRequest, Reason: err.Error()})
	}
	p, answer, err := s.begin(r, o, action, path, user)
	if err != nil {
		return s.refuse(action, path, r.RemoteAddr, err)
	}
	h := w.Header()
	h.Set("Content-Type", sdpType)
	h.Set("Location", (&url.URL{Path: strings.TrimSuffix(r.URL.Path, "/") + "/" + p.id}).EscapedPath())
	h.Set("ETag", p.etag)
	h.Set("Accept-Patch", fragmentType)
	for _, reason := range p.left {
		h.Add("Left-Out", reason)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer)
	return nil
}

// authorize returns the user of ingest.auth whose request may publish the stream of a path.
func (s *Server) authorize(r *http.Request, path string) (user string, err error) {
	return ingest.Authorize(r.Context(), s.Authorizer, ingest.AccessRequest{
		Protocol: protocol, Action: ingest.ActionPublish, Path: path, Remote: r.RemoteAddr, Credentials: credentials(r),
	})
}

// credentials returns those of Basic. A bearer token NAME:PASSWORD stands for them, because encoders have a field for a token only.
func credentials(r *http.Request) (c ingest.Credentials) {
	if name, password, is := r.BasicAuth(); is {
		return ingest.Credentials{Name: name, Password: password}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		c.Name, c.Password, _ = strings.Cut(strings.TrimSpace(token), ":")
	}
	return c
}

// refuse counts and logs a refused offer, and returns the refusal.
func (s *Server) refuse(action ingest.Action, path, remote string, err error) error {
	if action == ingest.ActionPublish {
		s.clients.RefusedPublisher()
		s.strangers.Warn("publisher refused", "protocol", protocol, "stream", path, "remote", remote, "error", err)
	} else {
		s.clients.RefusedReader()
		s.strangers.Warn("reader refused", "protocol", protocol, "stream", path, "remote", remote, "error", err)
	}
	return refusalOf(err)
}

// refusalOf returns the refusal for an error of a session's begin.
func refusalOf(err error) error {
	switch {
	case errors.As(err, new(*ingest.Refusal)):
		return err
	case errors.Is(err, hub.ErrBusy), errors.Is(err, hub.ErrReplaced):
		return &ingest.Refusal{Status: http.StatusConflict, Reason: "the stream has a publisher already"}
	case errors.Is(err, egress.ErrNoStream), errors.As(err, new(*egress.NotServedError)), errors.Is(err, hub.ErrNoTracks):
		return &ingest.Refusal{Status: http.StatusNotFound, Reason: err.Error()}
	case errors.Is(err, egress.ErrFull), errors.Is(err, hub.ErrClosed), errors.Is(err, errCrowded), errors.Is(err, errStopped), errors.Is(err, errLost), errors.Is(err, errHungUp):
		return &ingest.Refusal{Status: http.StatusServiceUnavailable, Reason: err.Error()}
	}
	return &ingest.Refusal{Status: http.StatusBadRequest, Reason: err.Error()}
}

// body reads the body of a request, whose media type the caller has checked.
func body(r *http.Request) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxBodyBytes+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > maxBodyBytes:
		return "", &ingest.Refusal{Status: http.StatusRequestEntityTooLarge, Reason: fmt.Sprintf("at most %d bytes are taken", maxBodyBytes)}
	}
	return string(text), nil
}

// Change answers a PATCH of the session with an identifier: further candidates of the client, or a restart of ICE (RFC 9725,
// 4.3).
func (s *Server) Change(w http.ResponseWriter, r *http.Request, path, id string) error {
	p, err := s.session(path, id)
	if err != nil {
		return err
	}
	text, err := body(r)
	if err != nil {
		return err
	}
	f, err := readFragment(text)
	if err != nil {
		return &ingest.Refusal{Status: http.StatusBadRequest, Reason: err.Error()}
	}
	p.negotiating.Lock()
	defer p.negotiating.Unlock()
	if match := r.Header.Get("If-Match"); match != "" && match != "*" && match != p.etag {
		return &ingest.Refusal{Status: http.StatusPreconditionFailed, Reason: "the session has restarted since: its entity tag is another"}
	}
	if !f.restarts(p.offer) {
		w.WriteHeader(http.StatusNoContent) // an ICE-lite agent needs no candidates: the client's checks show them
		return nil
	}
	changed, err := p.restart(f)
	if err != nil {
		return &ingest.Refusal{Status: http.StatusBadRequest, Reason: err.Error()}
	}
	w.Header().Set("Content-Type", fragmentType)
	w.Header().Set("ETag", p.etag)
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, changed)
	return nil
}

// Leave answers a DELETE of the session with an identifier.
func (s *Server) Leave(w http.ResponseWriter, path, id string) error {
	p, err := s.session(path, id)
	if err != nil {
		return err
	}
	p.end(errLeft)
	w.WriteHeader(http.StatusOK)
	return nil
}

// session returns the session of a path with an identifier.
func (s *Server) session(path, id string) (*peer, error) {
	p := s.peer(id)
	if p == nil || p.path != path {
		return nil, &ingest.Refusal{Status: http.StatusNotFound, Reason: "there is no such session: it has ended, or the URL is not that of the header Location"}
	}
	return p, nil
}
