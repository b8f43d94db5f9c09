package publishload

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// closeWithin is the longest time for which Close waits for the server.
const closeWithin = 30 * time.Second

// countedConn counts the RTP packets that were written to a connection. gortsplib queues packets, and drops its queue
// when it closes a client: so a publisher waits until the last packet is written.
type countedConn struct {
	net.Conn
	packets atomic.Int64
	closed  atomic.Bool // the connection was closed or has failed
}

// Write writes a message of RTSP: gortsplib writes each with one call. An interleaved frame (RFC 2326, 10.12) carries
// RTP if its channel is even.
func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		c.closed.Store(true)
	} else if len(p) > 1 && p[0] == '$' && p[1]%2 == 0 {
		c.packets.Add(1)
	}
	return n, err
}

// Close ends the connection in order: it sends the end of the stream, and waits until the server has closed its side,
// at most for closeWithin. Without that, the kernel would answer the server's last packets with a reset, and the
// server would lose the media that it has not read yet.
func (c *countedConn) Close() error {
	if c.closed.Swap(true) {
		return c.Conn.Close()
	}
	if t, ok := c.Conn.(*net.TCPConn); ok && t.CloseWrite() == nil {
		_ = t.SetReadDeadline(time.Now().Add(closeWithin))
		_, _ = io.Copy(io.Discard, t)
	}
	return c.Conn.Close()
}

// written waits until the given number of packets is written, the connection is closed, or the time has passed.
func (c *countedConn) written(packets int64, within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for c.packets.Load() < packets && !c.closed.Load() && pause(ctx, time.Millisecond) {
	}
}
