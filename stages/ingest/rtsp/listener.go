package rtsp

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline"
)

// listener bounds the number of open connections, and gives each one a read
// buffer and the bounds of a guest.
//
// A client that records is never given up for another. Of those that do not, the
// one that has waited longest since it connected, or since its ANNOUNCE was taken,
// goes for a new one: when too many are open, and before that when too many of one
// address wait. So cameras behind one address are as many as there may be
// connections, and strangers who only connect lock nobody out.
type listener struct {
	net.Listener
	limits limits
	log    *slog.Logger
	clock  pipeline.Clock
	large  chan struct{} // one element for each large request
	done   chan struct{}
	once   sync.Once

	mu      sync.Mutex // guards what follows
	open    int
	waiting *list.List // of *guest, the longest first
	from    map[netip.Addr]int
	refused uint64
	givenUp uint64
}

// counts are of connections, since the server began to listen.
func (l *listener) counts() (open int, refused, givenUp uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open, l.refused, l.givenUp
}

// limits are those of connections; 0 is no limit.
type limits struct {
	connections int           // at once
	perAddress  int           // of these, that wait and come from one address
	announce    time.Duration // up to ANNOUNCE
}

func newListener(l net.Listener, limits limits, log *slog.Logger, clock pipeline.Clock) *listener {
	return &listener{
		Listener: l, limits: limits, log: log, clock: clock, done: make(chan struct{}),
		large: make(chan struct{}, largeRequests), waiting: list.New(), from: map[netip.Addr]int{},
	}
}

// Accept goes on after errors that pass, such as a lack of file descriptors:
// gortsplib would end the server.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			if g := l.admit(c); g != nil {
				return g, nil
			}
			_ = c.Close()
			continue
		}
		if !passes(err) {
			return nil, err
		}
		if !l.wait(err) {
			return nil, net.ErrClosed
		}
	}
}

// admit makes room for a connection and counts it in; nil where every other one
// records.
func (l *listener) admit(c net.Conn) *guest {
	g := &guest{of: l, from: addressOf(c.RemoteAddr()), closed: make(chan struct{})}
	g.conn = newConn(c, func() { l.leave(g) })
	g.within(l.limits.announce)
	_ = g.SetReadDeadline(time.Time{}) // gortsplib sets none for the first bytes
	l.mu.Lock()
	old, room := l.makeRoom(g.from)
	if room {
		g.open = true
		l.open++
		l.queue(g)
	}
	l.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
	if !room {
		return nil
	}
	return g
}

// makeRoom gives the connection that must go for a new one, if any, and whether
// there is room then. The lock is held.
func (l *listener) makeRoom(from netip.Addr) (old *guest, room bool) {
	why := ""
	switch {
	case l.limits.perAddress > 0 && l.from[from] >= l.limits.perAddress:
		old, why = l.longest(from), "too many from its address"
	case l.limits.connections <= 0 || l.open < l.limits.connections:
		return nil, true
	case l.waiting.Len() > 0:
		old, why = l.waiting.Front().Value.(*guest), "too many are open"
	default:
		l.refused++
		l.tell("connection refused: too many are open, and all of them record", l.refused, "max", l.limits.connections)
		return nil, false
	}
	l.forget(old)
	l.givenUp++
	l.tell("connection given up for a new one: it did not record", l.givenUp, "why", why, "remote", old.from.String())
	return old, true
}

// longest returns the connection of an address that has waited longest. The lock is held.
func (l *listener) longest(from netip.Addr) *guest {
	for e := l.waiting.Front(); ; e = e.Next() {
		if g := e.Value.(*guest); g.from == from {
			return g
		}
	}
}

// tell logs the first, second, fourth, eighth...: a flood does not fill the log.
func (l *listener) tell(msg string, n uint64, args ...any) {
	if n&(n-1) == 0 {
		l.log.Warn(msg, append(args, "so_far", n)...)
	}
}

// queue puts a connection behind those that wait. The lock is held.
func (l *listener) queue(g *guest) {
	l.unqueue(g)
	if g.open {
		g.at = l.waiting.PushBack(g)
		l.from[g.from]++
	}
}

// unqueue takes a connection out of those that wait. The lock is held.
func (l *listener) unqueue(g *guest) {
	if g.at == nil {
		return
	}
	l.waiting.Remove(g.at)
	g.at = nil
	if l.from[g.from]--; l.from[g.from] == 0 {
		delete(l.from, g.from)
	}
}

// forget counts a connection out. The lock is held.
func (l *listener) forget(g *guest) {
	l.unqueue(g)
	if g.open {
		g.open = false
		l.open--
	}
}

// leave counts a connection out that is closed.
func (l *listener) leave(g *guest) {
	l.mu.Lock()
	l.forget(g)
	l.mu.Unlock()
	close(g.closed)
	g.small()
}

// waits puts a connection behind the others that do not record, for a time.
func (g *guest) waits(within time.Duration) {
	g.within(within)
	g.of.mu.Lock()
	defer g.of.mu.Unlock()
	g.of.queue(g)
}

// records takes the bounds of a guest away.
func (g *guest) records() {
	g.of.mu.Lock()
	defer g.of.mu.Unlock()
	g.of.unqueue(g)
	g.until.Store(0)
}

// addressOf is whom a connection counts for: an address, of IPv6 the /64 that one
// host commonly owns.
func addressOf(a net.Addr) netip.Addr {
	t, is := a.(*net.TCPAddr)
	if !is {
		return netip.Addr{}
	}
	ip := t.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		p, _ := ip.Prefix(64) // 64 fits
		return p.Addr()
	}
	return ip
}

func passes(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// shortagePause is how long Accept lets a shortage pass.
const shortagePause = 500 * time.Millisecond

// wait lets a shortage pass; false when the listener was closed meanwhile.
func (l *listener) wait(err error) bool {
	l.log.Warn("cannot accept connections", "error", err)
	return pipeline.Sleep(context.Background(), l.clock, shortagePause, l.done)
}

// Close ends Accept.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}
