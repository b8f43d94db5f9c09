package conn

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

// Listener bounds the number of open connections of a server. For a new connection beyond the limit
// it closes one of these, the first that there is:
//
//   - the connection that has been idle for the longest. A connection is idle between two
//     requests, and while the server waits for a request to arrive completely. So clients
//     that connect and send nothing lock no other client out.
//   - the oldest connection of the addresses that have more than a quarter of the limit, if
//     the address of the new connection has less than a quarter. So one client's slow
//     downloads lock no other client out.
//   - the new connection itself.
type Listener struct {
	*net.TCPListener
	TLS    *tls.Config   // nil without TLS; set before Accept
	limit  int           // largest number of open connections
	linger time.Duration // longest time for which Conn.CloseWrite reads what a client still sends

	mu       sync.Mutex // guards the fields below
	conns    map[*Conn]bool
	idle     *list.List     // the idle connections, *Conn; the first has been idle for the longest
	from     map[string]int // number of open connections by the key of the client's address
	accepted uint64         // number of accepted connections so far
}

// NewListener returns a Listener that accepts connections from l and keeps at most limit of them open.
// When the server closes the connection of a client that is still sending, the Listener first reads
// and discards what the client sends, for at most linger: see Conn.CloseWrite.
func NewListener(l *net.TCPListener, limit int, linger time.Duration) *Listener {
	return &Listener{TCPListener: l, limit: limit, linger: linger, conns: map[*Conn]bool{}, idle: list.New(), from: map[string]int{}}
}

// Accept returns the next connection, a *Conn. At the limit it closes another connection or the new
// one: see Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		if conn := (&Conn{TCPConn: c, of: l, from: auth.RemoteOf(c.RemoteAddr().String())}); l.add(conn) {
			return conn, nil
		}
		c.Close()
	}
}

// add counts a new connection, and closes another one at the limit. It returns false if the new one
// must be closed.
func (l *Listener) add(c *Conn) bool {
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

// leastWanted returns the open connection to close for a new one, or nil if the new one must be
// closed: see Listener. newcomer is the key of the new client's address. The caller holds l.mu.
func (l *Listener) leastWanted(newcomer string) (gone *Conn) {
	if oldest := l.idle.Front(); oldest != nil {
		return oldest.Value.(*Conn)
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

// settle moves a connection into or out of the idle list after a change of its state. It does nothing
// for a closed connection. The caller holds l.mu.
func (l *Listener) settle(c *Conn) {
	switch working := c.active && (c.waiting == 0 || c.waiting < c.requests); {
	case !l.conns[c]: // the connection is closed
	case working && c.at != nil:
		l.idle.Remove(c.at)
		c.at = nil
	case !working && c.at == nil:
		c.at = l.idle.PushBack(c)
	}
}

// forget removes a closed connection from the idle list and the counts. The caller holds l.mu.
func (l *Listener) forget(c *Conn) {
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

// Changed records that a connection has become active or idle. It is for http.Server.ConnState.
func (l *Listener) Changed(c net.Conn, state http.ConnState) {
	if conn := inner(c); conn != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		conn.active = state == http.StateActive
		l.settle(conn)
	}
}

// Context returns a context that holds the connection of a request, for Begin and TakeBody. It is for
// http.Server.ConnContext.
func (l *Listener) Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, inner(c))
}

// connKey is the context key of a request's connection.
type connKey struct{}

// of returns the connection of a request by its context, nil if no Listener has accepted it.
func of(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}

// Begin counts a request as running on its connection until the caller calls end. ctx is the
// context of the request. The connection is not idle while it has running requests, unless the
// server waits for the bodies of all of them.
func Begin(ctx context.Context) (end func()) {
	c := of(ctx)
	c.count(1, 0)
	return func() { c.count(-1, 0) }
}

// inner returns the *Conn below a TLS connection, or c itself. It returns nil if no Listener has
// accepted c.
func inner(c net.Conn) *Conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	conn, _ := c.(*Conn)
	return conn
}

// Conn is a connection that a Listener has accepted. It embeds *net.TCPConn and not the interface
// net.Conn, so that it has the method ReadFrom, through which net/http uses sendfile(2).
type Conn struct {
	*net.TCPConn
	of     *Listener
	from   string // key of the client's address: see auth.RemoteOf
	number uint64 // 1 for the first accepted connection of the listener, and so on

	// of.mu guards the fields below.
	at       *list.Element // place in the idle list; nil while the connection is not idle
	active   bool          // net/http reads or serves a request on it
	requests int           // number of running requests; HTTP/2 has several at once
	waiting  int           // number of the running requests whose body the server waits for
}

// count adds the arguments, which may be negative, to the numbers of running and of waiting requests.
// It does nothing for a nil Conn.
func (c *Conn) count(requests, waiting int) {
	if c == nil {
		return
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.requests += requests
	c.waiting += waiting
	c.of.settle(c)
}

// CloseWrite closes the sending direction, then reads and discards what the client still sends, for at
// most the linger of NewListener and at most lingerBytes. net/http calls it before it closes the
// connection of a client that is in the middle of a request, such as one with a too large header: an
// immediate close would reset the connection, and the client might never read the answer.
func (c *Conn) CloseWrite() error {
	if err := c.TCPConn.CloseWrite(); err != nil {
		return err
	}
	c.count(0, 1)
	defer c.count(0, -1)
	_ = c.SetReadDeadline(time.Now().Add(c.of.linger))
	_, _ = io.CopyN(io.Discard, c.TCPConn, lingerBytes)
	return nil
}

// Close closes the connection; the listener no longer counts it.
func (c *Conn) Close() error {
	c.of.mu.Lock()
	c.of.forget(c)
	c.of.mu.Unlock()
	return c.TCPConn.Close()
}

// Counts holds numbers of connections of a listener.
type Counts struct {
	Open    int // all open connections
	Idle    int // open connections that may be closed for a new one: see Listener
	Waiting int // open connections with a request whose body a handler waits for
}

// Counts returns the present numbers of connections.
func (l *Listener) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := Counts{Open: len(l.conns), Idle: l.idle.Len()}
	for conn := range l.conns {
		c.Waiting += min(conn.waiting, 1)
	}
	return c
}
