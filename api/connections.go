package api

import (
	"container/list"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gospool/spool/api/auth"
)

// listener bounds the connections of a server. When there are too many the one
// that has waited longest without a request at work is closed for the new one, so
// that strangers who connect and say nothing, or begin a request and do not end
// it, lock nobody out. When all are at work the new one is closed, unless it comes
// from an address that has less than its share, a quarter, and another has more: of
// that one the oldest goes, so that one client's slow downloads lock nobody out.
type listener struct {
	*net.TCPListener
	tls    *tls.Config // nil without TLS
	limit  int
	linger time.Duration // for a client that is still sending when its connection is closed

	mu       sync.Mutex
	conns    map[*counted]bool
	idle     *list.List // of *counted, the longest idle first
	from     map[string]int
	accepted uint64
}

func newListener(l *net.TCPListener, limits Limits) *listener {
	return &listener{TCPListener: l, limit: limits.Connections, linger: limits.ReadBody, conns: map[*counted]bool{}, idle: list.New(), from: map[string]int{}}
}

// Accept returns the next connection that there is room for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if conn := (&counted{TCPConn: c, of: l, from: auth.RemoteOf(c.RemoteAddr().String())}); l.add(conn) {
			return conn, nil
		}
		c.Close()
	}
}

// add counts a connection in, or says that there is no room.
func (l *listener) add(c *counted) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.limit {
		gone := l.leastWanted(c.from)
		if gone == nil {
			return false
		}
		l.forget(gone)
		gone.TCPConn.Close()
	}
	l.accepted++
	c.number = l.accepted
	l.from[c.from]++
	l.conns[c] = true
	l.settle(c)
	return true
}

// leastWanted is the connection that goes for a new one, nil where none does. The
// lock is held.
func (l *listener) leastWanted(newcomer string) (gone *counted) {
	if oldest := l.idle.Front(); oldest != nil {
		return oldest.Value.(*counted)
	}
	share := l.limit / 4
	if l.from[newcomer] >= share {
		return nil
	}
	for c := range l.conns {
		if l.from[c.from] > share && (gone == nil || c.number < gone.number) {
			gone = c
		}
	}
	return gone
}

// settle keeps a connection among the idle ones while it is. The lock is held.
func (l *listener) settle(c *counted) {
	switch working := c.active && (c.waiting == 0 || c.waiting < c.requests); {
	case !l.conns[c]: // it is gone
	case working && c.at != nil:
		l.idle.Remove(c.at)
		c.at = nil
	case !working && c.at == nil:
		c.at = l.idle.PushBack(c)
	}
}

// forget counts a connection out. The lock is held.
func (l *listener) forget(c *counted) {
	if c.at != nil {
		l.idle.Remove(c.at)
		c.at = nil
	}
	if l.conns[c] {
		delete(l.conns, c)
		if l.from[c.from]--; l.from[c.from] == 0 {
			delete(l.from, c.from)
		}
	}
}

// changed is http.Server.ConnState: between requests a connection is idle.
func (l *listener) changed(c net.Conn, state http.ConnState) {
	if conn := inner(c); conn != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		conn.active = state == http.StateActive
		l.settle(conn)
	}
}

// context is http.Server.ConnContext: a request knows its connection.
func (l *listener) context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, inner(c))
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

func connOf(ctx context.Context) *counted {
	c, _ := ctx.Value(connKey{}).(*counted)
	return c
}

// inner is the connection as it was accepted, nil for one that was not here.
func inner(c net.Conn) *counted {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	conn, _ := c.(*counted)
	return conn
}

// counted is a connection that says when it is closed. It embeds the TCP
// connection and not net.Conn: its ReadFrom is what makes sendfile(2) happen.
type counted struct {
	*net.TCPConn
	of     *listener
	from   string // whom it counts for
	number uint64 // in the order in which they were accepted

	// Guarded by of.mu.
	at       *list.Element // among the idle ones, nil while it is at work
	active   bool          // net/http has a request of it
	requests int           // under way; HTTP/2 has several at once
	waiting  int           // of these, the ones that wait for the client to send
}

// count adds to the numbers of requests and of those that wait. A nil connection
// counts nothing.
func (c *counted) count(requests, waiting int) {
	if c == nil {
		return
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.requests += requests
	c.waiting += waiting
	c.of.settle(c)
}

// CloseWrite says that nothing more comes from here, then reads and throws away
// what the client still sends until it closes too, for a time and lingerBytes. net/http calls it
// before it closes a connection on a client in the middle of a request, such as
// one whose header is too large: closed at once, the connection would be reset,
// and the client might never read why.
func (c *counted) CloseWrite() error {
	if err := c.TCPConn.CloseWrite(); err != nil {
		return err
	}
	c.count(0, 1)
	defer c.count(0, -1)
	_ = c.SetReadDeadline(time.Now().Add(c.of.linger))
	_, _ = io.CopyN(io.Discard, c.TCPConn, lingerBytes)
	return nil
}

// Close counts the connection out.
func (c *counted) Close() error {
	c.of.mu.Lock()
	c.of.forget(c)
	c.of.mu.Unlock()
	return c.TCPConn.Close()
}
