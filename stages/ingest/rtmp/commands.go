package rtmp

import (
	"context"
	"errors"
	"net"

	"github.com/gospool/spool/pipeline/streampath"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtmp/wire"
)

// command answers a command of the client. Commands that need no answer, and unknown ones, are ignored: clients send many
// that no server knows.
func (c *connection) command(ctx context.Context, m *wire.Message, k *wire.Command) error {
	if !c.connected && k.Name != "connect" {
		return errors.New("a command before connect")
	}
	switch k.Name {
	case "connect":
		return c.connect(k)
	case "createStream":
		c.streams++
		return c.wire.Send(0, "_result", k.Number, nil, float64(c.streams))
	case "publish":
		return c.publish(ctx, m, k)
	case "play", "play2":
		return c.refusePlay(m)
	case "FCUnpublish", "deleteStream", "closeStream":
		c.ends()
	}
	return nil
}

// connect answers the command that begins each connection (7.2.1.1).
func (c *connection) connect(k *wire.Command) error {
	o := k.Properties(0)
	if o == nil {
		return errors.New("connect without its properties")
	}
	c.app, c.tcURL, c.connected = o.Text("app"), o.Text("tcUrl"), true
	if err := c.wire.Begin(); err != nil {
		return err
	}
	info := wire.Object{
		{Key: "level", Value: "status"}, {Key: "code", Value: "NetConnection.Connect.Success"},
		{Key: "description", Value: "Connection succeeded."}, {Key: "objectEncoding", Value: float64(0)},
	}
	if o.Get("fourCcList") != nil || o.Get("capsEx") != nil {
		info = append(info, wire.Entry{Key: "fourCcList", Value: wire.Strings(fourCCs...)}, wire.Entry{Key: "capsEx", Value: float64(wire.Capabilities)})
	}
	return c.wire.Send(0, "_result", k.Number, wire.Object{{Key: "fmsVer", Value: "FMS/3,0,1,123"}, {Key: "capabilities", Value: float64(31)}}, info)
}

// status sends the state of a message stream to the client (7.2.2).
func (c *connection) status(stream uint32, level, code, description string) error {
	return c.wire.Send(stream, "onStatus", 0, nil, wire.Object{
		{Key: "level", Value: level}, {Key: "code", Value: code}, {Key: "description", Value: description},
	})
}

// refuse tells a client why it may not publish, and ends the connection: no client tries again on the same one.
func (c *connection) refuse(stream uint32, code, description string) error {
	if err := c.status(stream, "error", code, description); err != nil {
		return err
	}
	return errFinished
}

func (c *connection) refusePlay(m *wire.Message) error {
	c.server.clients.RefusedReader()
	c.log.Info("reader refused: nothing is played by RTMP")
	return c.refuse(m.Stream, "NetStream.Play.Failed", "nothing is played by RTMP here: watch by RTSP, HLS or WebRTC")
}

// publish begins a publication, or refuses it.
func (c *connection) publish(ctx context.Context, m *wire.Message, k *wire.Command) error {
	if c.pub != nil {
		return c.refuse(m.Stream, "NetStream.Publish.BadName", "this connection publishes a stream already")
	}
	t := targetOf(c.app, c.tcURL, k.Text(1))
	if err := streampath.Check(t.path); err != nil { // its text has no path that is too long
		c.server.clients.RefusedPublisher()
		c.log.Warn("publisher refused", "error", err)
		return c.refuse(m.Stream, "NetStream.Publish.BadName", err.Error())
	}
	user, why := c.authorize(ctx, t)
	if why != "" {
		return c.refuse(m.Stream, "NetStream.Publish.Denied", why)
	}
	c.socket.client.Announced(t.path, user)
	if err := c.begin(t.path, user); err != nil {
		c.server.clients.RefusedPublisher()
		c.log.Warn("publisher refused", "stream", t.path, "error", err)
		return c.refuse(m.Stream, "NetStream.Publish.BadName", forClient(err))
	}
	c.stream, c.published = m.Stream, true
	c.wire.Allow(wire.MaxMessageBytes)
	c.wire.Count(c.pub.grow)
	c.bound()
	c.socket.client.Publishes(t.path, user)
	c.pub.log.Info("publisher records", "remote", c.remote, "protocol", c.server.scheme(c.secure))
	return c.status(m.Stream, "status", "NetStream.Publish.Start", "publishing "+t.path)
}

// forClient returns the reason of the hub for the client. It leaves out who publishes the path.
func forClient(err error) string {
	if errors.Is(err, hub.ErrBusy) {
		return hub.ErrBusy.Error()
	}
	return err.Error()
}

// authorize decides whether the client may publish. It returns the user, or the reason of the refusal for the client.
func (c *connection) authorize(ctx context.Context, t target) (user, why string) {
	s := c.server
	log := c.log.With("stream", t.path) // without the user name: users mistype passwords there
	sent := t.credentials != (ingest.Credentials{})
	if sent && s.Authorizer != nil && !c.secure && s.public && !s.PlainPasswords {
		s.clients.RefusedPublisher()
		log.Warn("publisher refused: it sent its password unencrypted over a network that others can read; the password was not checked, change it", "hint", "RTMPS, or ingest.rtmp.plain_passwords")
		return "", "passwords are not taken unencrypted here: use rtmps"
	}
	user, err := ingest.Authorize(ctx, s.Authorizer, ingest.AccessRequest{
		Protocol: protocol, Action: ingest.ActionPublish, Path: t.path, Remote: c.remote, Credentials: t.credentials,
	})
	switch {
	case err == nil:
		return user, ""
	case sent:
		s.clients.RefusedPublisher()
		log.Warn("publisher refused", "error", err)
		return "", "the user or the password is wrong, or the user may not publish this stream"
	}
	log.Info("publisher refused: it sent no password", "error", err, "hint", "user and pass belong into the query of the stream key")
	return "", "a user and a password are needed: add ?user=NAME&pass=PASSWORD to the stream key"
}

// begin begins the publication of a path in the hub.
func (c *connection) begin(path, user string) error {
	s := c.server
	host, _, _ := net.SplitHostPort(c.remote)
	p := newPublication(s.Log.With("stream", path), s.Clock)
	pub, err := s.Hub.Publish(path, hub.PublishOptions{
		Origin: s.scheme(c.secure) + " " + c.remote, Override: s.OverridePublisher, Client: hub.Client{User: user, Host: host},
		Silence: p.silence,
		GiveUp: func(end func()) {
			p.finish()
			end()
			c.socket.stop(hub.ErrReplaced)
		},
	})
	if err != nil {
		return err
	}
	p.keepG711 = s.Hub.KeepsG711(path)
	p.begin(pub)
	c.pub = p
	return nil
}

// ends ends the publication because the client has finished it. The client may publish again, or leave.
func (c *connection) ends() {
	if c.pub == nil {
		return
	}
	_ = c.status(c.stream, "status", "NetStream.Unpublish.Success", "the stream has ended")
	c.unpublish(errUnpublished)
	c.socket.within(c.server.PublishTimeout.D())
}

// errUnpublished is the reason for the end of a publication that its client has ended.
var errUnpublished = errors.New("the client ended the stream")

func (s *Server) scheme(secure bool) string {
	if secure {
		return "rtmps"
	}
	return protocol
}
