package api

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// listener bounds the connections of a server. When there are too many the one
// that has waited longest without a request under way is closed for the new
// one, so that strangers who connect and say nothing lock nobody out; when all
// are at work the new one is closed.
type listener struct {
	*net.TCPListener
	tls   *tls.Config // nil without TLS
	limit int

	mu    sync.Mutex
	conns map[net.Conn]*list.Element // nil while a request is under way
	idle  *list.List                 // of net.Conn, the longest idle first
}

func newListener(l *net.TCPListener, limit int) *listener {
	return &listener{TCPListener: l, limit: limit, conns: map[net.Conn]*list.Element{}, idle: list.New()}
}

// Accept returns the next connection that there is room for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if conn := (&counted{TCPConn: c, of: l}); l.add(conn) {
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
		oldest := l.idle.Front()
		if oldest == nil {
			return false
		}
		gone := l.idle.Remove(oldest).(*counted)
		delete(l.conns, gone)
		gone.TCPConn.Close()
	}
	l.conns[c] = l.idle.PushBack(c)
	return true
}

// changed is http.Server.ConnState: between requests a connection is idle.
func (l *listener) changed(c net.Conn, state http.ConnState) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.conns[c]
	switch {
	case !known:
	case state == http.StateActive && at != nil:
		l.idle.Remove(at)
		l.conns[c] = nil
	case state == http.StateIdle && at == nil:
		l.conns[c] = l.idle.PushBack(c)
	}
}

func (l *listener) remove(c *counted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := l.conns[c]; at != nil {
		l.idle.Remove(at)
	}
	delete(l.conns, c)
}

// counted is a connection that says when it is closed. It embeds the TCP
// connection and not net.Conn: its ReadFrom is what makes sendfile(2) happen.
type counted struct {
	*net.TCPConn
	of *listener
}

// Close counts the connection out.
func (c *counted) Close() error {
	c.of.remove(c)
	return c.TCPConn.Close()
}
