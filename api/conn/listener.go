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

// Listener bounds the connections of a server. When there are too many the one
// that has waited longest without a request at work is closed for the new one, so
// that strangers who connect and say nothing, or begin a request and do not end
// it, lock nobody out. When all are at work the new one is closed, unless it comes
// from an address that has less than its share, a quarter, and another has more: of
// that one the oldest goes, so that one client's slow downloads lock nobody out.
type Listener struct {
	*net.TCPListener
	TLS    *tls.Config // nil without TLS; set before Accept
	limit  int
	linger time.Duration // for a client that is still sending when its connection is closed

	mu       sync.Mutex // guards what follows
	conns    map[*Conn]bool
	idle     *list.List // of *Conn, the longest idle first
	from     map[string]int
	accepted uint64
}

// NewListener bounds connections by limit. A client that is still sending when its
// connection is closed is read for linger.
func NewListener(l *net.TCPListener, limit int, linger time.Duration) *Listener {
	return &Listener{TCPListener: l, limit: limit, linger: linger, conns: map[*Conn]bool{}, idle: list.New(), from: map[string]int{}}
}

// Accept returns the next connection that there is room for.
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

// add counts a connection in, or says that there is no room.
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

// leastWanted is the connection that goes for a new one, nil where none does. The
// lock is held.
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

// settle keeps a connection among the idle ones while it is. The lock is held.
func (l *Listener) settle(c *Conn) {
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

// Changed is http.Server.ConnState: between requests a connection is idle.
func (l *Listener) Changed(c net.Conn, state http.ConnState) {
	if conn := inner(c); conn != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		conn.active = state == http.StateActive
		l.settle(conn)
	}
}

// Context is http.Server.ConnContext: a request knows its connection.
func (l *Listener) Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, inner(c))
}

// connKey is the key of a request's connection in its context.
type connKey struct{}

func of(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}

// Begin counts a request, by its context, to the work of its connection until it is
// told that the request has ended.
func Begin(ctx context.Context) (end func()) {
	c := of(ctx)
	c.count(1, 0)
	return func() { c.count(-1, 0) }
}

// inner is the connection as it was accepted, nil for one that was not here.
func inner(c net.Conn) *Conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	conn, _ := c.(*Conn)
	return conn
}

// Conn is a connection that says when it is closed. It embeds the TCP
// connection and not net.Conn: its ReadFrom is what makes sendfile(2) happen.
type Conn struct {
	*net.TCPConn
	of     *Listener
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

// CloseWrite says that nothing more comes from here, then reads and throws away
// what the client still sends until it closes too, for a time and lingerBytes. net/http calls it
// before it closes a connection on a client in the middle of a request, such as
// one whose header is too large: closed at once, the connection would be reset,
// and the client might never read why.
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

// Close counts the connection out.
func (c *Conn) Close() error {
	c.of.mu.Lock()
	c.of.forget(c)
	c.of.mu.Unlock()
	return c.TCPConn.Close()
}

// Counts are the connections of a listener.
type Counts struct {
	Open    int
	Idle    int // of these, the ones that nobody works for
	Waiting int // of these, the ones that are in the middle of a request which the client does not end
}

// Counts tells how many connections there are.
func (l *Listener) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := Counts{Open: len(l.conns), Idle: l.idle.Len()}
	for conn := range l.conns {
		c.Waiting += min(conn.waiting, 1)
	}
	return c
}
