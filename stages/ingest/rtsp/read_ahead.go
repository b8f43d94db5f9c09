package rtsp

import (
	"net"
	"sync"
	"syscall"
)

// conn is a TCP connection that reads ahead, in sizes that fit the traffic. gortsplib reads 4 KiB at a time; at a few
// megabits a second these reads would be most of a server's system calls.
//
// A connection has no buffer until one read fills the caller's buffer, so an idle connection costs no memory. From then
// on the buffer doubles each time a read fills it, up to maxReadAheadBytes, and the connection is polled (poll.go).
//
// One goroutine reads. Deadlines bound only the wait for the network: Read returns buffered data even after a deadline.
type conn struct {
	net.Conn
	raw           syscall.RawConn // nil: the connection is not polled
	buf           []byte          // data read ahead: buf[r:w] is unread
	r, w          int
	full          bool // the last read filled its buffer
	rest          bool // the last read emptied the socket
	lowWaterBytes int  // argument of the last call of listen; 0: none yet
	polledBytes   int  // bytes that the last poll read
	now           readNow
	once          sync.Once
	left          func() // called at the first Close; nil: nothing is called
}

const (
	minReadAheadBytes = 8 << 10
	maxReadAheadBytes = 32 << 10
	minFullBytes      = 512 // a read that fills a smaller buffer is no sign of traffic
)

// ReadAhead returns c with the read-ahead and the polling of this package's connections. A benchmark uses it to measure
// what of a recorder's cost is not that of reading.
func ReadAhead(c net.Conn) net.Conn { return newConn(c, nil) }

// newConn wraps a connection. left, which may be nil, is called when the connection is closed for the first time.
func newConn(c net.Conn, left func()) *conn {
	out := &conn{Conn: c, left: left}
	if s, ok := c.(syscall.Conn); ok {
		out.raw, _ = s.SyscallConn()
	}
	return out
}

// Read returns data that was read ahead, or else reads from the network.
func (c *conn) Read(p []byte) (int, error) {
	if c.r < c.w {
		n := copy(p, c.buf[c.r:c.w])
		c.r += n
		return n, nil
	}
	if c.full {
		c.grow()
	}
	if len(p) >= len(c.buf) {
		n, err := c.await(p)
		c.full = n == len(p) && n >= minFullBytes
		return n, err
	}
	n, err := c.fill(c.buf)
	c.full, c.rest = n == len(c.buf), n < len(c.buf)
	k := copy(p, c.buf[:n])
	c.r, c.w = k, n
	return k, err
}

// fill reads from the network into p, a part of c.buf, and returns the number of bytes. If the last read emptied the
// socket, it polls first (see poll).
func (c *conn) fill(p []byte) (int, error) {
	if c.rest && c.raw != nil {
		if n := c.poll(p); n > 0 {
			return n, nil
		}
	}
	return c.await(p)
}

// unread returns the data that was read ahead. It is valid until the next read.
func (c *conn) unread() []byte { return c.buf[c.r:c.w] }

// more reads data ahead, behind the unread data, and returns the number of bytes. The unread data must be shorter than
// maxReadAheadBytes.
func (c *conn) more() (int, error) {
	c.w = copy(c.buf, c.buf[c.r:c.w])
	c.r = 0
	if c.full || c.w == len(c.buf) {
		c.grow()
	}
	n, err := c.fill(c.buf[c.w:])
	c.w += n
	c.full, c.rest = c.w == len(c.buf), c.w < len(c.buf)
	return n, err
}

// grow replaces the buffer by one of twice the size, within minReadAheadBytes and maxReadAheadBytes. The unread data
// moves to its beginning.
func (c *conn) grow() {
	size := min(max(2*len(c.buf), minReadAheadBytes), maxReadAheadBytes)
	if size > len(c.buf) {
		old := c.buf
		c.buf = make([]byte, size)
		c.w = copy(c.buf, old[c.r:c.w])
		c.r = 0
	}
	c.full = false
}

// Close closes the connection. The first call also calls c.left, if it is set.
func (c *conn) Close() error {
	if c.left != nil {
		c.once.Do(c.left)
	}
	return c.Conn.Close()
}
