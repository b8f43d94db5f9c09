package rtsp

import (
	"crypto/tls"
	"net"
	"syscall"
	"time"

	"github.com/gospool/spool/stages/clients"
)

// listener accepts the connections of one endpoint and makes a serverConn of each. It bounds the number of open
// connections, together with the server's other listeners (see clients.Table).
type listener struct {
	*clients.Listener
	server *Server
	tls    *tls.Config // nil: unencrypted connections
	others endpoints   // all endpoints of the server; Close closes their listeners, too
}

func newListener(l net.Listener, s *Server, config *tls.Config) *listener {
	return &listener{Listener: clients.NewListener(l, s.log, s.cfg.Clock), server: s, tls: config}
}

// Accept returns the next connection that the table of clients admits, and closes the others.
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

// admit adds a new connection to the table of clients, which may close an older one for it. It returns nil if the table
// is full of connections that record; the caller then closes c.
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
	_ = g.SetReadDeadline(time.Time{}) // gortsplib sets no deadline for the first bytes
	s.admitting.Lock()                 // g.client is set before a newer connection can close g
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

// leave removes a closed connection from the table of clients, and frees its slot for a large request.
func (g *serverConn) leave() {
	g.client.Leave()
	close(g.closed)
	g.small()
}

// opened sets the bounds of a connection again (see serverConn) when its client ends its publication. The client must
// announce a stream within the given time. For the table of clients, which closes the client that has waited longest,
// its wait begins now.
func (g *serverConn) opened(within time.Duration) {
	g.within(within)
	g.client.Opened()
}

// announced records that a client has announced a stream under path. The client must send RECORD within the given time.
// For the table of clients, which closes the client that has waited longest, its wait begins now.
func (g *serverConn) announced(path, user string, within time.Duration) {
	g.within(within)
	g.client.Announced(path, user)
}

// records removes the bounds of the connection (see serverConn), because the client publishes a stream under path. From
// now on the table of clients does not close the connection to make room for another client.
func (g *serverConn) records(path, user string) {
	g.client.Publishes(path, user)
	g.untilNS.Store(0)
}
