package rtsp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/ingest/rtsp/framing"
)

// serverConn is a client's connection to the server. Until the client sends RECORD, its resources are bounded:
//
//   - time: AnnounceTimeout from connecting to ANNOUNCE, once more after the first challenge, and ReadTimeout from
//     ANNOUNCE to RECORD, whatever other requests arrive;
//   - memory: a request has freeBytes at most, or maxBytes while it holds one of the server's largeRequests slots;
//   - number: when too many connections are open, the server closes the one that has waited longest (clients.Table).
//
// One goroutine reads and sets the read deadline: see conn. gortsplib does not read while it answers a request, so a
// bound that is set meanwhile applies from the next read on.
type serverConn struct {
	*conn
	of     *Server
	client *clients.Client
	socket syscall.RawConn // nil: the connection has no socket

	tls    *tls.Conn // nil: unencrypted
	wire   *wire     // the connection below tls; nil: unencrypted
	agreed bool      // the TLS handshake has succeeded

	untilNS atomic.Int64  // deadline of every read, in ns since steadyZero; 0: the client records
	bytes   atomic.Int64  // received bytes of the current request
	first   []byte        // the first bytes of the connection, four at most
	large   atomic.Bool   // the connection holds a slot in Server.large
	closed  chan struct{} // closed with the connection

	silent    atomic.Bool // the client plays over this connection, and need not send anything
	writing   sync.Mutex  // held during a write; guards answering
	answering func()      // see onAnswer; nil: nothing

	frames   atomic.Pointer[interleaved] // takes the RTP packets; nil: gortsplib reads all messages
	messages framing.Reader              // follows the bytes that gortsplib gets
	extendAt time.Duration               // since steadyZero: when keepReading extends the read deadline
}

// The bounds of one request of a client that does not record. A request of more than freeBytes needs a slot, and the
// server has largeRequests slots (see waitForRoom). gortsplib accepts a body of 128 KiB, and keeps it in memory until
// it has answered the request. No request of an encoder comes near freeBytes.
const (
	freeBytes     = 32 << 10  // longest request without a slot
	maxBytes      = 192 << 10 // longest request with a slot
	largeRequests = 64        // number of slots
)

// The errors after which the server closes a connection.
var (
	errTooLong = fmt.Errorf("a request is longer than %d KiB", maxBytes>>10)
	errCrowded = errors.New("too many requests are large at once")
	errTunnel  = errors.New("RTSP is not spoken through HTTP here")
)

// Read reads decrypted bytes into p, after the TLS handshake. While the client does not record, it returns an error
// once a bound is exceeded.
func (g *serverConn) Read(p []byte) (int, error) {
	if err := g.handshake(); err != nil {
		return 0, err
	}
	n, err := g.next(p)
	if err == nil && g.untilNS.Load() != 0 {
		err = g.measure(p[:n])
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// measure adds the received bytes p of a client that does not record to the current request. It returns an error if the
// request exceeds its bound, or if the client speaks HTTP.
func (g *serverConn) measure(p []byte) error {
	if len(g.first) < 4 {
		g.first = append(g.first, p[:min(len(p), 4-len(g.first))]...)
		if s := string(g.first); s == "GET " || s == "POST" {
			return g.noTunnel()
		}
	}
	switch n := g.bytes.Add(int64(len(p))); {
	case n > maxBytes:
		return errTooLong
	case n > freeBytes && !g.large.Load():
		return g.waitForRoom()
	}
	return nil
}

// waitForRoom waits for a slot for a large request until the client's deadline. Meanwhile the server reads nothing, so
// the rest of the request stays on the client's machine.
func (g *serverConn) waitForRoom() error {
	c, stop := g.of.cfg.Clock.After(g.left())
	defer stop()
	select {
	case g.of.large <- struct{}{}:
		g.large.Store(true)
		select {
		case <-g.closed: // leave ran before the slot was recorded, and did not free it
			g.small()
		default:
		}
		return nil
	case <-g.closed:
		return net.ErrClosed
	case <-c:
		return errCrowded
	}
}

// left returns the time until the client's deadline; it is negative after the deadline.
func (g *serverConn) left() time.Duration {
	return time.Duration(g.untilNS.Load()) - time.Since(steadyZero)
}

// noTunnel answers an HTTP request with 501 and returns errTunnel. Browsers send HTTP, and clients that tunnel RTSP
// through HTTP or a WebSocket. gortsplib would accept such a tunnel, to which none of the bounds here apply.
func (g *serverConn) noTunnel() error {
	_ = g.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = g.Conn.Read(make([]byte, 4<<10)) // a close with unread bytes resets the connection, and the answer is lost
	_ = g.conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(g.Conn, "HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 46\r\n\r\n"+
		"This port speaks RTSP, and not through HTTP.\r\n")
	return errTunnel
}

// answered prepares the count of bytes for the next request after the server has answered one: it sets the count to 0,
// and frees the slot of a large request.
func (g *serverConn) answered() {
	g.bytes.Store(0)
	g.small()
}

// small frees the slot for a large request, if the connection holds one.
func (g *serverConn) small() {
	if g.large.Swap(false) {
		<-g.of.large
	}
}

// within sets the deadline of the client to d from now: the time of its next step, such as ANNOUNCE or RECORD (see
// serverConn).
func (g *serverConn) within(d time.Duration) { g.untilNS.Store(int64(time.Since(steadyZero) + d)) }

// SetReadDeadline sets the read deadline to t, or to the bound of a client that does not record if that is earlier. For
// a client that records, session.watch bounds the silence, and for one that plays, the deadline of writes.
func (g *serverConn) SetReadDeadline(t time.Time) error {
	if g.silent.Load() {
		t = time.Time{}
	}
	if n := g.untilNS.Load(); n != 0 {
		if most := steadyZero.Add(time.Duration(n)); t.IsZero() || t.After(most) {
			t = most
		}
	}
	return g.conn.SetReadDeadline(t)
}

// SetWriteDeadline does nothing, because Write sets a deadline for each response. That of gortsplib would be one for the packets of a player,
// too, which a client may let wait.
func (g *serverConn) SetWriteDeadline(time.Time) error { return nil }

// Write writes a response of gortsplib whole, between two batches of a player's packets. Then it calls what onAnswer has left.
func (g *serverConn) Write(p []byte) (n int, err error) {
	g.writing.Lock()
	_ = g.conn.SetWriteDeadline(g.of.cfg.Clock.Now().Add(g.of.cfg.WriteTimeout))
	n, err = g.conn.Write(p)
	answered := g.answering
	g.answering = nil
	g.writing.Unlock()
	if answered != nil {
		answered()
	}
	return n, err
}

// onAnswer makes Write call f after the response to the present request.
func (g *serverConn) onAnswer(f func()) {
	g.writing.Lock()
	defer g.writing.Unlock()
	g.answering = f
}
