package webrtc

import (
	"net"
	"net/netip"
	"sync"
)

// The bounds of open TCP connections. Strangers may connect: a connection shows only later that it belongs to a session.
const (
	maxStreams           = 1000
	maxStreamsPerAddress = 64
)

// boundedListener closes connections beyond the bounds at once, and the others when it is closed.
type boundedListener struct {
	net.Listener

	mu     sync.Mutex // guards the fields below
	open   map[*boundedConn]struct{}
	from   map[netip.Addr]int
	closed bool
}

// boundedConn is a connection that counts until it is closed.
type boundedConn struct {
	net.Conn
	of   *boundedListener
	addr netip.Addr
	once sync.Once
}

func bounded(l net.Listener) *boundedListener {
	return &boundedListener{Listener: l, open: map[*boundedConn]struct{}{}, from: map[netip.Addr]int{}}
}

// Accept waits for the next connection within the bounds.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if k := l.enter(c); k != nil {
			return k, nil
		}
		_ = c.Close()
	}
}

// enter returns the counted connection, or nil beyond the bounds.
func (l *boundedListener) enter(c net.Conn) *boundedConn {
	k := &boundedConn{Conn: c, of: l}
	if at, is := c.RemoteAddr().(*net.TCPAddr); is {
		k.addr = at.AddrPort().Addr().Unmap()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.open) >= maxStreams || l.from[k.addr] >= maxStreamsPerAddress {
		return nil
	}
	l.open[k] = struct{}{}
	l.from[k.addr]++
	return k
}

func (l *boundedListener) leave(k *boundedConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, k)
	if l.from[k.addr]--; l.from[k.addr] == 0 {
		delete(l.from, k.addr)
	}
}

// Close closes the listener and its connections: one that has sent nothing would delay the end of the server.
func (l *boundedListener) Close() error {
	l.mu.Lock()
	l.closed = true
	all := make([]*boundedConn, 0, len(l.open))
	for k := range l.open {
		all = append(all, k)
	}
	l.mu.Unlock()
	err := l.Listener.Close()
	for _, k := range all {
		_ = k.Close()
	}
	return err
}

// Close closes the connection. Later calls have no effect.
func (k *boundedConn) Close() (err error) {
	k.once.Do(func() {
		err = k.Conn.Close()
		k.of.leave(k)
	})
	return err
}
