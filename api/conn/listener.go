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

// Listener bounds the connections of a server. At the limit it closes the connection that has been
// idle for the longest, so that clients that connect and send nothing, or begin a request and do
// not end it, lock no other client out. When all connections have running requests, it closes the
// new one, unless the new one comes from an address with less than its share, a quarter, and
// another address has more: then it closes the oldest connection of that address, so that one
// client's slow downloads lock no other client out.
type Listener struct {
	*net.TCPListener
	TLS    *tls.Config // nil without TLS; set before Accept
	limit  int
	linger time.Duration // for a client that is still sending when its connection is closed

	mu       sync.Mutex // guards the fields below
	conns    map[*Conn]bool
	idle     *list.List // of *Conn, the longest idle first
	from     map[string]int
	accepted uint64
}

// NewListener bounds the connections of l by limit. Before it closes the connection of a client
// that is still sending, it reads for linger.
func NewListener(l *net.TCPListener, limit int, linger time.Duration) *Listener {
	return &Listener{TCPListener: l, limit: limit, linger: linger, conns: map[*Conn]bool{}, idle: list.New(), from: map[string]int{}}
}

// Accept returns the next connection within the limit.
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

// add counts a connection. It returns false at the limit.
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

// leastWanted returns the connection to close for a new one, nil without one. The caller holds the
// lock.
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

// settle adds a connection to the idle ones or removes it from them. The caller holds the lock.
func (l *Listener) settle(c *Conn) {
	switch working := c.active && (c.waiting == 0 || c.waiting < c.requests); {
	case !l.conns[c]: // closed
	case working && c.at != nil:
		l.idle.Remove(c.at)
		c.at = nil
	case !working && c.at == nil:
		c.at = l.idle.PushBack(c)
	}
}

// forget removes a connection from the counts. The caller holds the lock.
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

// Changed implements http.Server.ConnState: a connection between requests is idle.
func (l *Listener) Changed(c net.Conn, state http.ConnState) {
	if conn := inner(c); conn != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		conn.active = state == http.StateActive
		l.settle(conn)
	}
}

// Context implements http.Server.ConnContext: the context of a request holds its connection.
func (l *Listener) Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, inner(c))
}

// connKey is the context key of a request's connection.
type connKey struct{}

func of(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}

// Begin counts a request, by its context, as work of its connection until end is called.
func Begin(ctx context.Context) (end func()) {
	c := of(ctx)
	c.count(1, 0)
	return func() { c.count(-1, 0) }
}

// inner returns the accepted connection, nil for one of another listener.
func inner(c net.Conn) *Conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	conn, _ := c.(*Conn)
	return conn
}

// Conn is an accepted connection. It embeds the TCP connection and not net.Conn, whose ReadFrom
// makes net/http use sendfile(2).
type Conn struct {
	*net.TCPConn
	of     *Listener
	from   string // key of the client's address
	number uint64 // in the order of their acceptance

	// Guarded by of.mu.
	at       *list.Element // in the idle list; nil while at work
	active   bool          // net/http has a request of it
	requests int           // running; HTTP/2 has several at once
	waiting  int           // of these, the ones that wait for the client to send
}

// count adds to the numbers of requests and of waiting ones. A nil connection counts nothing.
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

// CloseWrite closes the sending direction, then reads and discards what the client still sends, up
// to linger and lingerBytes. net/http calls it before it closes the connection of a client in the
// middle of a request, such as one with a too large header: an immediate close would reset the
// connection, and the client might never read the answer.
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

// Close closes the connection and removes it from the counts.
func (c *Conn) Close() error {
	c.of.mu.Lock()
	c.of.forget(c)
	c.of.mu.Unlock()
	return c.TCPConn.Close()
}

// Counts are the numbers of connections of a listener.
type Counts struct {
	Open    int
	Idle    int // of these, the ones without a running request
	Waiting int // of these, the ones with a request that the client has not sent completely
}

// Counts returns the numbers of connections.
func (l *Listener) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := Counts{Open: len(l.conns), Idle: l.idle.Len()}
	for conn := range l.conns {
		c.Waiting += min(conn.waiting, 1)
	}
	return c
}
