package rtmp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/rtmp/wire"
)

// connection is one client of the server. run, on a goroutine of its own, reads and answers its messages.
type connection struct {
	server *Server
	socket *socket
	wire   *wire.Conn
	remote string
	secure bool // over TLS
	log    *slog.Logger

	app, tcURL string // of connect
	connected  bool
	streams    uint32 // number of the newest message stream

	pub       *publication // nil: the client does not publish
	stream    uint32       // message stream of the publication
	bounded   time.Time    // when the deadline of a publication was set
	refused   bool         // the client got the reason of the end
	published bool         // the client has published
}

// connection adds a new connection to the table of clients, which may close an older one for it. It returns nil if there is
// no room.
func (s *Server) connection(nc net.Conn, secure bool) *connection {
	c := &connection{server: s, socket: newSocket(nc, s.WriteTimeout.D()), remote: nc.RemoteAddr().String(), secure: secure}
	if secure {
		c.socket.Conn = tls.Server(c.socket.Conn, s.cert.Config())
	}
	c.log = s.strangers.With("remote", c.remote)
	if c.socket.client = s.clients.Admit(nc.RemoteAddr(), secure, c.socket.cut); c.socket.client == nil {
		return nil
	}
	c.wire = wire.NewConn(c.socket)
	return c
}

// The reasons for the end of a connection, beside those of the socket and of the peer's mistakes.
var (
	errStopped  = errors.New("the recorder stops")
	errLeft     = errors.New("the client closed the connection")
	errSilent   = errors.New("the publisher sends neither sound nor pictures")
	errTooLate  = errors.New("it did not publish in time")
	errFinished = errors.New("the client has been refused")
	errFailed   = errors.New("the recorder failed")
)

// run serves the client until it leaves, breaks a rule, is silent for too long, or ctx ends.
func (c *connection) run(ctx context.Context) error {
	defer c.socket.client.Leave()
	defer c.socket.cut()
	defer context.AfterFunc(ctx, func() { c.socket.stop(errStopped) })()
	defer c.unpublish(errFailed) // after a panic
	c.socket.within(c.server.PublishTimeout.D())
	err := c.serve(ctx)
	err = c.reason(err)
	c.say(err)
	c.unpublish(err)
	if !errors.Is(err, errLeft) {
		c.socket.leave()
	}
	return nil
}

func (c *connection) serve(ctx context.Context) error {
	if t, is := c.socket.Conn.(*tls.Conn); is {
		if err := t.HandshakeContext(ctx); err != nil {
			return handshakeError{err}
		}
	}
	if err := c.wire.Accept(); err != nil {
		return err
	}
	var m wire.Message
	for {
		if err := c.wire.Read(&m); err != nil {
			return err
		}
		command, is, err := m.Command()
		switch {
		case err != nil:
			return err
		case is:
			err = c.command(ctx, &m, &command)
		case c.pub != nil:
			err = c.media(&m)
		}
		if err != nil {
			return err
		}
	}
}

// handshakeError is the error of a TLS handshake.
type handshakeError struct{ error }

func (e handshakeError) Error() string { return "TLS handshake: " + e.error.Error() }
func (e handshakeError) Unwrap() error { return e.error }

// media passes a message to the publication.
func (c *connection) media(m *wire.Message) error {
	now := c.server.Clock.Now()
	if err := c.pub.message(m, now); err != nil {
		return err
	}
	if !m.Media() { // metadata alone holds no path
		return nil
	}
	if c.pub.heard(now); time.Since(c.bounded) > c.silence()/8 {
		c.bound()
	}
	return nil
}

// silence returns how long the publisher may send nothing.
func (c *connection) silence() time.Duration {
	return cmp.Or(c.pub.timing().ReadTimeout, c.server.ReadTimeout.D(), defaultTimeout)
}

// bound makes reads fail if no media comes for the read timeout of the stream.
func (c *connection) bound() {
	c.bounded = time.Now()
	c.socket.within(c.silence())
}

// reason returns why the connection ends, for the log and for the client, from the error at which it ended.
func (c *connection) reason(err error) error {
	stopped := c.socket.stoppedBy()
	switch {
	case stopped != nil:
		return stopped
	case errors.Is(err, os.ErrDeadlineExceeded) && c.pub != nil:
		return errSilent
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errTooLate
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errLeft
	}
	return err
}

// say logs the reason for the end of the connection, and tells it to the client if the client can read it.
func (c *connection) say(err error) {
	switch {
	case c.pub != nil && errors.Is(err, errLeft):
	case c.pub != nil:
		if !errors.Is(err, errStopped) && !errors.Is(err, hub.ErrReplaced) {
			c.pub.log.Warn("publication ended", "reason", err)
		}
		_ = c.status(c.stream, "error", "NetStream.Publish.Rejected", err.Error())
	case errors.Is(err, errFinished), errors.Is(err, errStopped), errors.Is(err, errLeft), c.published:
		c.log.Debug("connection closed", "reason", err)
	case errors.Is(err, errTooLate):
		c.log.Debug("connection closed", "reason", err)
	default:
		c.log.Warn("connection closed", "reason", err)
	}
}

// unpublish ends the publication, if there is one.
func (c *connection) unpublish(why error) {
	if c.pub == nil {
		return
	}
	p := c.pub
	c.pub = nil
	p.close(why)
	p.log.Info("publisher left", "reason", why)
	c.wire.Count(nil)
	c.wire.Allow(wire.SmallMessageBytes)
	c.socket.client.Opened()
}
