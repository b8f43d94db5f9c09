package udp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

// input is an address of the server while it runs. It belongs to one goroutine, except for the methods of its session.
type input struct {
	of      *Server
	path    string
	address Address
	conn    *net.UDPConn
	current *session  // nil: no sender
	resting time.Time // until then no sender is taken
}

// session is a sender whose stream is taken.
type session struct {
	*flow
	in     *input
	client *clients.Client
	hungUp chan struct{} // closed to end it
	once   sync.Once     // closes hungUp
}

// hangUp makes the input end the session.
func (s *session) hangUp() { s.once.Do(func() { close(s.hungUp) }) }

// restTime is how long no sender is taken after a session was ended or refused: a sender does not notice that, and its
// next datagram would begin another session.
const restTime = 5 * time.Second

// run takes datagrams until ctx ends.
func (in *input) run(ctx context.Context) error {
	err := receive(ctx, in.conn, func(b []byte, from netip.AddrPort) error { in.datagram(ctx, b, from); return nil }, func() error { in.look(); return nil })
	cause := media.Cause(endcause.SourceLost)
	if ctx.Err() != nil {
		cause, err = endcause.Shutdown, nil
	}
	if in.current != nil {
		in.end(cause, errStopped)
	}
	return err
}

// abandon ends the session that a panic has left.
func (in *input) abandon() {
	if in.current != nil {
		in.end(endcause.Error, errPanic)
	}
}

var (
	errStopped = errors.New("the server stops")
	errEnded   = errors.New("it was ended")
	errSilent  = errors.New("the sender sends no data")
	errNoMedia = errors.New("the sender sends no stream that can be recorded")
	errOther   = errors.New("another sender takes its place")
)

// datagram takes a datagram.
func (in *input) datagram(ctx context.Context, b []byte, from netip.AddrPort) {
	now := in.of.Clock.Now()
	if s := in.current; s != nil && s.from != from {
		if s.ahead(now) || !in.address.permits(from.Addr()) || !in.address.carries(b) {
			in.of.strangers.Warn("datagrams of a second sender are left out: one address takes one stream", "stream", in.path, "address", in.address.Listen, "remote", from.String(), "sender", s.from.String())
			return
		}
		in.end(endcause.SourceLost, errOther)
	}
	if in.current == nil && !in.begin(ctx, b, from, now) {
		return
	}
	in.current.client.Read(len(b))
	if err := in.current.datagram(b, now); err != nil {
		in.refuse(err, now)
	}
}

// begin begins the session of a sender, if its datagram is one of a transport stream. It reports whether it has done so.
func (in *input) begin(ctx context.Context, b []byte, from netip.AddrPort, now time.Time) bool {
	remote := from.String()
	switch {
	case now.Before(in.resting):
		return false
	case !in.address.permits(from.Addr()):
		in.of.clients.RefusedPublisher()
		in.of.strangers.Warn("a datagram of a sender that may not send is left out: option from of the input", "stream", in.path, "remote", remote)
		return false
	case !in.address.carries(b):
		in.of.strangers.Warn("a datagram that is no part of an MPEG transport stream is left out", "stream", in.path, "remote", remote)
		return false
	}
	s := &session{in: in, hungUp: make(chan struct{})}
	s.client = in.of.clients.Admit(net.UDPAddrFromAddrPort(from), false, s.hangUp)
	if s.client == nil {
		in.resting = now.Add(restTime)
		return false
	}
	log := in.of.Log.With("stream", in.path, "remote", remote)
	s.flow = newFlow(&in.address, from, now, mpegts.Options{Publish: func() (*hub.Publisher, error) { return s.publish(ctx) }, Clock: in.of.Clock, Log: log})
	s.client.Announced(in.path, "")
	in.current = s
	return true
}

// publish claims the path.
func (s *session) publish(ctx context.Context) (*hub.Publisher, error) {
	in, remote := s.in, s.from.String()
	user, err := ingest.Authorize(ctx, in.of.Authorizer, ingest.AccessRequest{Protocol: protocol, Action: ingest.ActionPublish, Path: in.path, Remote: remote})
	if err != nil {
		in.of.clients.RefusedPublisher()
		return nil, fmt.Errorf("a sender of datagrams has no password: let ingest.auth permit it, or pull the stream from %s instead: %w", in.address.origin, err)
	}
	clock := in.of.Clock
	heard := s.flow // GiveUp and Silence run on other goroutines
	pub, err := in.of.Hub.Publish(in.path, hub.PublishOptions{
		Origin: protocol + " " + remote, Override: in.of.OverridePublisher, Client: hub.Client{User: user, Host: s.from.Addr().String()},
		Silence: func() time.Duration { return heard.silence(clock.Now()) },
		GiveUp: func(end func()) {
			heard.close(endcause.Replaced)
			end()
			s.hangUp()
		},
	})
	if err != nil {
		return nil, err
	}
	s.client.Publishes(in.path, user)
	in.of.Log.Info("publisher records", "stream", in.path, "remote", remote, "protocol", protocol)
	return pub, nil
}

// look ends a session that was ended, replaced or is silent.
func (in *input) look() {
	s := in.current
	if s == nil {
		return
	}
	now := in.of.Clock.Now()
	select {
	case <-s.hungUp:
		in.refuse(errEnded, now)
		return
	default:
	}
	closed, silent, err := s.look(now)
	limit := in.of.ReadTimeout.D()
	if pub := s.publisher(); pub != nil {
		limit = cmp.Or(pub.Timing().ReadTimeout, limit)
	}
	switch {
	case err != nil:
		in.refuse(err, now)
	case limit > 0 && silent > limit:
		in.end(endcause.SourceLost, errSilent)
	case limit > 0 && closed > limit:
		in.refuse(errNoMedia, now)
	}
}

// refuse ends the session, and takes no sender for a while.
func (in *input) refuse(why error, now time.Time) {
	in.resting = now.Add(restTime)
	in.end(endcause.SourceLost, why)
}

// end ends the session.
func (in *input) end(cause media.Cause, why error) {
	s := in.current
	in.current = nil
	published := s.publisher() != nil
	s.close(cause)
	s.client.Leave()
	log := in.of.strangers
	if published {
		log = in.of.Log
	}
	log.Info("mpegts sender left", "stream", in.path, "remote", s.from.String(), "reason", why)
}
