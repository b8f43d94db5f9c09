package rtsp

import (
	"log/slog"
	"net"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/ingest/clients"
)

// listener bounds the number of open connections (see clients.Table), and gives each
// one a read buffer and the bounds of a guest.
type listener struct {
	*clients.Listener
	clients  *clients.Table
	announce time.Duration // up to ANNOUNCE
	clock    pipeline.Clock
	large    chan struct{} // one element for each large request
}

func newListener(l net.Listener, table *clients.Table, announce time.Duration, log *slog.Logger, clock pipeline.Clock) *listener {
	return &listener{
		Listener: clients.NewListener(l, log, clock), clients: table, announce: announce, clock: clock,
		large: make(chan struct{}, largeRequests),
	}
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

// admit makes room for a connection and counts it in; nil where every other one
// records.
func (l *listener) admit(c net.Conn) *guest {
	g := &guest{of: l, closed: make(chan struct{})}
	g.conn = newConn(c, g.leave)
	g.within(l.announce)
	_ = g.SetReadDeadline(time.Time{}) // gortsplib sets none for the first bytes
	if g.client = l.clients.Admit(c.RemoteAddr(), func() { _ = g.Close() }); g.client == nil {
		return nil
	}
	return g
}

// leave counts a connection out that is closed.
func (g *guest) leave() {
	g.client.Leave()
	close(g.closed)
	g.small()
}

// opened puts a connection behind the others that do not record, for a time: it has
// ended its publication.
func (g *guest) opened(within time.Duration) {
	g.within(within)
	g.client.Opened()
}

// announced does so for one that may publish a stream.
func (g *guest) announced(path string, within time.Duration) {
	g.within(within)
	g.client.Announced(path)
}

// records takes the bounds of a guest away.
func (g *guest) records(path string) {
	g.client.Publishes(path)
	g.until.Store(0)
}
