package rtsp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/stages/ingest/clients"
)

// serverConn is a connection of the server. Until it records its resources are bounded:
//
//   - time: AnnounceTimeout up to its ANNOUNCE, once more after a challenge, and
//     ReadTimeout from there to RECORD, whatever other requests it sends;
//   - memory: a request is freeBytes long, or one of largeRequests at once;
//   - room: when there are too many the one that has waited longest is closed (clients.Table).
//
// Reads and deadlines belong to one goroutine, as conn's do. gortsplib does not read while it answers a request, so
// that a bound that is set meanwhile holds from the next read on.
type serverConn struct {
	*conn
	of     *Server
	client *clients.Client
	socket syscall.RawConn // nil for a connection without one

	tls    *tls.Conn // nil: unencrypted
	wire   *wire     // below tls
	agreed bool      // the handshake is over

	untilNS atomic.Int64 // ns since steadyZero, the deadline of every read; 0: the client records
	bytes   atomic.Int64 // of the current request
	first   []byte       // the first bytes of the connection, up to four
	large   atomic.Bool  // it holds one of the slots for large requests
	closed  chan struct{}
}

// The bounds of a request before its client records. gortsplib accepts a body of 128 KiB, and answers before it
// discards it; no request of an encoder comes near freeBytes.
const (
	freeBytes     = 32 << 10
	maxBytes      = 192 << 10
	largeRequests = 64
)

// The reasons for which the server closes a connection.
var (
	errTooLong = fmt.Errorf("a request is longer than %d KiB", maxBytes>>10)
	errCrowded = errors.New("too many requests are large at once")
	errTunnel  = errors.New("RTSP is not spoken through HTTP here")
)

// Read reads within the bounds.
func (g *serverConn) Read(p []byte) (int, error) {
	if err := g.handshake(); err != nil {
		return 0, err
	}
	n, err := g.conn.Read(p)
	g.client.Read(n)
	if err == nil && g.untilNS.Load() != 0 {
		err = g.measure(p[:n])
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// measure counts the bytes of a client that does not record.
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

// waitForRoom waits for a slot for a large request. Meanwhile the client's bytes wait in its own system.
func (g *serverConn) waitForRoom() error {
	c, stop := g.of.cfg.Clock.After(g.left())
	defer stop()
	select {
	case g.of.large <- struct{}{}:
		g.large.Store(true)
		select {
		case <-g.closed: // too early to give the slot back
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

// left returns the time left until the client must make progress.
func (g *serverConn) left() time.Duration {
	return time.Duration(g.untilNS.Load()) - time.Since(steadyZero)
}

// noTunnel answers a browser, or a client that wants RTSP through HTTP or a WebSocket: gortsplib would accept it,
// past all bounds here.
func (g *serverConn) noTunnel() error {
	_ = g.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = g.Conn.Read(make([]byte, 4<<10)) // unread bytes at the close would lose the answer
	_ = g.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(g.Conn, "HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 46\r\n\r\n"+
		"This port speaks RTSP, and not through HTTP.\r\n")
	return errTunnel
}

// answered begins the count of the next request, and releases the memory of the last body.
func (g *serverConn) answered() {
	g.bytes.Store(0)
	g.small()
}

// small gives back the slot for a large request.
func (g *serverConn) small() {
	if g.large.Swap(false) {
		<-g.of.large
	}
}

// within sets the time until the client must make progress.
func (g *serverConn) within(d time.Duration) { g.untilNS.Store(int64(time.Since(steadyZero) + d)) }

// SetReadDeadline keeps to the bound. A client that records has its session's bound (watch).
func (g *serverConn) SetReadDeadline(t time.Time) error {
	if n := g.untilNS.Load(); n != 0 {
		if most := steadyZero.Add(time.Duration(n)); t.IsZero() || t.After(most) {
			t = most
		}
	}
	return g.conn.SetReadDeadline(t)
}

// hungUp reports whether the client has closed its side, which a server does not notice while it reads nothing.
func (g *serverConn) hungUp() (gone bool) {
	if g.socket == nil {
		return false
	}
	err := g.socket.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(p, 0)
		gone = err == nil && n > 0 && p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone || err != nil
}
