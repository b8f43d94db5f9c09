package srt

import (
	"context"
	"errors"
	"net"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/srt/transport"
)

// publisher is a client that publishes a stream.
type publisher struct {
	of     *Server
	id     streamID
	remote string
	user   string // accepted
	client *clients.Client
	live   context.Context
	end    context.CancelCauseFunc
}

var (
	errHungUp     = errors.New("the server has closed the connection")
	errNoPassword = errors.New("it sent no name and password: they are a part of the streamid, as in publish:PATH:NAME:PASSWORD")
	errPlain      = errors.New("it sent its password unencrypted over a network that others can read; the password was not checked, change it, and set ingest.srt.plain_passwords to take it")
)

// run connects a publisher that may publish, and takes its stream.
func (p *publisher) run(ctx context.Context, r *transport.Request) (err error) {
	defer p.client.Leave()
	defer context.AfterFunc(ctx, func() { p.end(errStopped) })()
	defer p.end(nil)
	path := p.id.path
	credentials := ingest.Credentials{Name: p.id.user, Password: p.id.password}
	if credentials != (ingest.Credentials{}) && p.of.Authorizer != nil && p.of.public && !p.of.PlainPasswords {
		p.of.refuse(r, path, transport.RejectedUnauthorized, errPlain)
		return nil
	}
	p.user, err = ingest.Authorize(p.live, p.of.Authorizer, ingest.AccessRequest{
		Protocol: protocol, Action: ingest.ActionPublish, Path: path, Remote: p.remote, Credentials: credentials,
	})
	if err != nil {
		if credentials == (ingest.Credentials{}) {
			err = errNoPassword
		}
		p.of.refuse(r, path, transport.RejectedUnauthorized, err)
		return nil
	}
	if p.live.Err() != nil { // closed for another: the key is not worth its time
		r.Reject(transport.RejectedOverload)
		return nil
	}
	conn, err := r.Accept(p.of.passphrases.find(path))
	if err != nil {
		p.of.refused(p.remote, path, err)
		return nil
	}
	defer context.AfterFunc(p.live, func() { conn.HangUp(context.Cause(p.live)) })()
	p.client.Announced(path, p.user)
	p.take(conn)
	return nil
}

// take takes the stream of a connection until it ends.
func (p *publisher) take(conn *transport.Conn) {
	log := p.of.Log.With("stream", p.id.path, "remote", p.remote)
	host, _, _ := net.SplitHostPort(p.remote)
	f := newFlow(flowOptions{clock: p.of.Clock, log: log, openWithin: p.of.AnnounceTimeout.D(), readTimeout: p.of.ReadTimeout.D()})
	f.publish = func() (*hub.Publisher, error) {
		pub, err := p.of.Hub.Publish(p.id.path, hub.PublishOptions{
			Origin: protocol + " " + p.remote, Override: p.of.OverridePublisher, Client: hub.Client{User: p.user, Host: host},
			Silence: f.silence, GiveUp: func(end func()) { f.close(endcause.Replaced, true); end(); p.end(hub.ErrReplaced) },
		})
		if err != nil {
			return nil, err
		}
		p.client.Publishes(p.id.path, p.user)
		log.Info("publisher records", "protocol", protocol)
		return pub, nil
	}
	defer f.close(endcause.Error, false) // after a panic
	why := conn.Run(p.live, func(d transport.Packet) error {
		p.client.Read(len(d.Data))
		return f.data(d)
	}, f.look)
	cause := causeOf(why)
	f.close(cause, cause == endcause.SourceLost && !errors.Is(why, transport.ErrClosed))
	if errors.Is(why, hub.ErrBusy) {
		p.of.refused(p.remote, p.id.path, why)
		return
	}
	if !f.opened() {
		log = p.of.strangers.With("stream", p.id.path, "remote", p.remote)
	}
	stats := conn.Stats()
	log.Info("publisher left", "protocol", protocol, "reason", why, "packets", stats.Packets, "lost", stats.Lost, "sent_again", stats.Again)
}

func causeOf(why error) media.Cause {
	switch {
	case errors.Is(why, errStopped):
		return endcause.Shutdown
	case errors.Is(why, hub.ErrReplaced):
		return endcause.Replaced
	}
	return endcause.SourceLost
}
