package webrtc

import (
	"context"
	"errors"
	"net/http"
	"strings"

	pion "github.com/pion/webrtc/v4"

	"github.com/gospool/spool/stages/ingest"
)

var errCrowded = errors.New("too many connections: ingest.webrtc.max_connections")

// begin makes the session of an offer, and returns it with the answer.
func (s *Server) begin(r *http.Request, o *offer, action ingest.Action, path, user string) (p *peer, answer string, err error) {
	run := s.running()
	if run == nil {
		return nil, "", errStopped
	}
	addr, err := addressOf(r.RemoteAddr)
	if err != nil {
		return nil, "", err
	}
	p = &peer{
		of: s, id: newID(), etag: newTag(), action: action, path: path, user: user, remote: r.RemoteAddr, tasks: run.tasks, offer: o,
		connected: make(chan struct{}),
	}
	p.live, p.end = context.WithCancelCause(context.Background())
	if p.client = s.clients.Admit(addr, true, func() { p.end(errHungUp) }); p.client == nil {
		return nil, "", errCrowded
	}
	p.client.Announced(path, user)
	if answer, err = s.describe(r.Context(), p, run); err != nil {
		p.client.Leave()
		return nil, "", err
	}
	if err := s.start(p, run); err != nil {
		p.close()
		return nil, "", err
	}
	return p, answer, nil
}

// describe gives a session its work and its connection, and returns the answer. After an error nothing of the session is left.
func (s *Server) describe(ctx context.Context, p *peer, r *run) (answer string, err error) {
	var codecs []codecParameters
	if p.action == ingest.ActionPublish {
		p.work, codecs, err = s.publish(p, p.offer)
	} else {
		p.work, codecs, err = s.read(ctx, p, p.offer)
	}
	if err != nil {
		return "", err
	}
	if answer, err = s.connect(ctx, p, r, codecs); err != nil {
		p.work.close(err)
		if p.pc != nil {
			_ = p.pc.GracefulClose()
		}
	}
	return p.withLeftOut(answer), err
}

// connect makes the connection of a session, and returns the answer. Few sessions do so at once, and the others wait: the time
// within which the connection must be checked begins here, and of many at once each would take too much of it.
func (s *Server) connect(ctx context.Context, p *peer, r *run, codecs []codecParameters) (answer string, err error) {
	select {
	case s.connecting <- struct{}{}:
		defer func() { <-s.connecting }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case <-p.live.Done():
		return "", context.Cause(p.live)
	}
	certificate, err := s.dtls.at(s.Clock.Now())
	if err != nil {
		return "", err
	}
	if p.pc, err = p.newConnection(r.engine, codecs, []pion.Certificate{certificate}, s.strangers); err != nil {
		return "", err
	}
	p.watch()
	if err = p.work.negotiate(p); err != nil {
		return "", err
	}
	return p.answer(p.offer.text)
}

// withLeftOut adds to an answer an attribute for each track that the client does not get, with the reason.
func (p *peer) withLeftOut(answer string) string {
	var lines strings.Builder
	for _, reason := range p.left {
		lines.WriteString("a=x-left-out:" + reason + "\r\n")
	}
	return strings.Replace(answer, "\r\nm=", "\r\n"+lines.String()+"m=", 1)
}
