package rtsp

import (
	"crypto/tls"
	"net"
	"syscall"
	"time"

	"github.com/gospool/spool/stages/ingest/clients"
)

// listener bounds the number of open connections (see clients.Table), and gives each one a read buffer and the bounds
// of a serverConn. The listeners of one server share their bounds.
type listener struct {
	*clients.Listener
	server *Server
	tls    *tls.Config // nil: unencrypted connections
	others endpoints   // all endpoints of the server, which end together
}

func newListener(l net.Listener, s *Server, config *tls.Config) *listener {
	return &listener{Listener: clients.NewListener(l, s.log, s.cfg.Clock), server: s, tls: config}
}

// Accept returns the next connection for which there is room.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if g := l.admit(c); g != nil {
			return g, nil
		}
		_ = c.Close()
	}
}

// admit makes room for a connection and counts it; it returns nil if every other one records.
func (l *listener) admit(c net.Conn) *serverConn {
	s := l.server
	g := &serverConn{of: s, closed: make(chan struct{})}
	if socket, is := c.(syscall.Conn); is {
		g.socket, _ = socket.SyscallConn()
	}
	remote := c.RemoteAddr()
	if l.tls != nil {
		g.wire = &wire{Conn: c, within: s.cfg.WriteTimeout}
		g.tls = tls.Server(g.wire, l.tls)
		c = g.tls
	}
	g.conn = newConn(c, g.leave)
	g.within(s.cfg.AnnounceTimeout)
	_ = g.SetReadDeadline(time.Time{}) // gortsplib sets none for the first bytes
	s.admitting.Lock()                 // a connection that is closed for another one has been counted first
	defer s.admitting.Unlock()
	if g.client = s.clients.Admit(remote, g.tls != nil, g.cut); g.client == nil {
		return nil
	}
	return g
}

// Close ends Accept, and closes the server's other listeners.
func (l *listener) Close() error {
	for _, o := range l.others {
		_ = o.ln.Listener.Close()
	}
	return l.Listener.Close()
}

// leave removes a closed connection.
func (g *serverConn) leave() {
	g.client.Leave()
	close(g.closed)
	g.small()
}

// opened moves a connection behind the others that do not record, for a time: it has ended its publication.
func (g *serverConn) opened(within time.Duration) {
	g.within(within)
	g.client.Opened()
}

// announced does so for a connection that may publish a stream.
func (g *serverConn) announced(path, user string, within time.Duration) {
	g.within(within)
	g.client.Announced(path, user)
}

// records removes the bounds of a serverConn.
func (g *serverConn) records(path, user string) {
	g.client.Publishes(path, user)
	g.untilNS.Store(0)
}
