package rtsp

import (
	"net"
	"sync"
	"syscall"
)

// conn reads ahead, in sizes that fit the traffic: gortsplib reads 4 KiB at a time, which at a few megabits a second
// is most of a server's system calls.
//
// A connection has no buffer until one read fills the caller's: an idle connection costs no memory. From then on the
// buffer doubles each time one read fills it, up to 32 KiB, and packets are left to gather (poll.go).
//
// Reads belong to one goroutine. Deadlines are the connection's own: they bound waiting, and buffered data needs no
// wait.
type conn struct {
	net.Conn
	raw           syscall.RawConn // nil: packets are not left to gather
	buf           []byte          // read ahead: buf[r:w] is unread
	r, w          int
	full          bool // the last read filled its buffer
	rest          bool // the last read emptied the socket
	lowWaterBytes int  // as set by listen; 0 before that
	once          sync.Once
	left          func() // called after the first Close; may be nil
}

const (
	minReadAheadBytes = 8 << 10
	maxReadAheadBytes = 32 << 10
	minFullBytes      = 512 // a shorter read that was filled gives no evidence of traffic
)

func newConn(c net.Conn, left func()) *conn {
	out := &conn{Conn: c, left: left}
	if s, ok := c.(syscall.Conn); ok {
		out.raw, _ = s.SyscallConn()
	}
	return out
}

// Read returns data that was read ahead, or reads.
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
		n, err := c.Conn.Read(p)
		c.full = n == len(p) && n >= minFullBytes
		return n, err
	}
	n, err := c.fill()
	c.full, c.rest = n == len(c.buf), n < len(c.buf)
	k := copy(p, c.buf[:n])
	c.r, c.w = k, n
	return k, err
}

// fill reads into the buffer, which is empty.
func (c *conn) fill() (int, error) {
	if c.rest && c.raw != nil {
		if n := c.poll(); n > 0 {
			return n, nil
		}
	}
	return c.Conn.Read(c.buf)
}

// grow makes a larger buffer; the old one is empty.
func (c *conn) grow() {
	size := min(max(2*len(c.buf), minReadAheadBytes), maxReadAheadBytes)
	if size > len(c.buf) {
		c.buf = make([]byte, size)
	}
	c.r, c.w, c.full = 0, 0, false
}

// Close closes the connection.
func (c *conn) Close() error {
	if c.left != nil {
		c.once.Do(c.left)
	}
	return c.Conn.Close()
}
