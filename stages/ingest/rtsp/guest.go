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

// guest is a connection of the server. Until it records it may take little:
//
//   - time: AnnounceTimeout up to its ANNOUNCE, once more after a challenge, and
//     ReadTimeout from there to RECORD, whatever else it asks for meanwhile;
//   - memory: a request is freeBytes long, or one of largeRequests at once;
//   - room: when there are too many the one that has waited longest goes (clients.Table).
//
// Reads and deadlines are for one goroutine, as conn's are. gortsplib reads nothing
// while a request is answered, so that a bound that is set meanwhile holds from the
// next read on.
type guest struct {
	*conn
	of     *Server
	client *clients.Client
	socket syscall.RawConn // nil where the connection has none

	tls    *tls.Conn // nil: it is not encrypted
	wire   *wire     // below it
	agreed bool      // the handshake is over

	until  atomic.Int64 // ns since steadyZero, beyond which no read waits; 0: it records
	bytes  atomic.Int64 // of the request that is being read
	first  []byte       // what it said first, up to four bytes
	large  atomic.Bool  // it holds one of the places for large requests
	closed chan struct{}
}

// What a request may take before its client records. gortsplib takes a body of 128
// KiB, to which something is answered before it is thrown away; no request of an
// encoder comes near freeBytes.
const (
	freeBytes     = 32 << 10
	maxBytes      = 192 << 10
	largeRequests = 64
)

// Reasons why a connection is closed on a client.
var (
	errTooLong = fmt.Errorf("a request is longer than %d KiB", maxBytes>>10)
	errCrowded = errors.New("too many requests are large at once")
	errTunnel  = errors.New("RTSP is not spoken through HTTP here")
)

// Read reads what there is room for.
func (g *guest) Read(p []byte) (int, error) {
	if err := g.handshake(); err != nil {
		return 0, err
	}
	n, err := g.conn.Read(p)
	g.client.Read(n)
	if err == nil && g.until.Load() != 0 {
		err = g.measure(p[:n])
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// measure counts what a client sent that does not record.
func (g *guest) measure(p []byte) error {
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

// waitForRoom waits until few enough requests are large. Meanwhile the client's
// bytes wait in its own system.
func (g *guest) waitForRoom() error {
	c, stop := g.of.cfg.Clock.After(g.left())
	defer stop()
	select {
	case g.of.large <- struct{}{}:
		g.large.Store(true)
		select {
		case <-g.closed: // too early to give it back
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

// left returns how long it may go on without getting further.
func (g *guest) left() time.Duration {
	return time.Duration(g.until.Load()) - time.Since(steadyZero)
}

// noTunnel answers a browser, or a client that would speak RTSP through HTTP or a
// WebSocket: gortsplib would let it, past all that is bounded here.
func (g *guest) noTunnel() error {
	_ = g.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = g.Conn.Read(make([]byte, 4<<10)) // what is unread when it is closed would lose the answer
	_ = g.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(g.Conn, "HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 46\r\n\r\n"+
		"This port speaks RTSP, and not through HTTP.\r\n")
	return errTunnel
}

// answered begins the count of the next request. The last one's body is not kept.
func (g *guest) answered() {
	g.bytes.Store(0)
	g.small()
}

// small gives back the place for a large request.
func (g *guest) small() {
	if g.large.Swap(false) {
		<-g.of.large
	}
}

// within bounds how long it may take to get further.
func (g *guest) within(d time.Duration) { g.until.Store(int64(time.Since(steadyZero) + d)) }

// SetReadDeadline keeps to the bound. A client that records has its session's (watch).
func (g *guest) SetReadDeadline(t time.Time) error {
	if n := g.until.Load(); n != 0 {
		if most := steadyZero.Add(time.Duration(n)); t.IsZero() || t.After(most) {
			t = most
		}
	}
	return g.conn.SetReadDeadline(t)
}

// hungUp reports whether the client has closed its side, which a server that
// is not reading does not notice.
func (g *guest) hungUp() (gone bool) {
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
