package rtmp

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/gospool/spool/stages/clients"
)

// socket is a connection below RTMP and above TLS. It bounds each write, and counts what is read.
type socket struct {
	net.Conn                 // with TLS, if the connection has it
	raw      net.Conn        // without
	client   *clients.Client // of the server; nil: of the puller

	mu      sync.Mutex // guards the fields below, and orders the calls of SetReadDeadline
	stopped error      // why the server ends the connection; nil: it does not
}

func newSocket(nc net.Conn, writeTimeout time.Duration) *socket {
	return &socket{Conn: bounded{nc, writeTimeout}, raw: nc}
}

// bounded is a connection whose writes fail when the peer does not take them in time. It is below TLS, which also writes
// while it reads.
type bounded struct {
	net.Conn
	within time.Duration
}

func (b bounded) Write(p []byte) (int, error) {
	_ = b.Conn.SetWriteDeadline(time.Now().Add(b.within))
	return b.Conn.Write(p)
}

// SetWriteDeadline does nothing, because Write sets a deadline for each write.
func (b bounded) SetWriteDeadline(time.Time) error { return nil }

// Read reads decrypted bytes, after the TLS handshake.
func (k *socket) Read(p []byte) (int, error) {
	n, err := k.Conn.Read(p)
	if k.client != nil {
		k.client.Read(n)
	}
	return n, err
}

// within makes reads fail after d.
func (k *socket) within(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped == nil {
		_ = k.raw.SetReadDeadline(time.Now().Add(d))
	}
}

// stop makes the present read and all later ones fail. The goroutine of the connection then ends it for the reason.
func (k *socket) stop(reason error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped == nil {
		k.stopped = reason
		_ = k.raw.SetReadDeadline(time.Now())
	}
}

// stoppedBy returns the reason of stop, or nil.
func (k *socket) stoppedBy() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stopped
}

// cut closes the connection at once, without a TLS close_notify, which its client could delay.
func (k *socket) cut() { _ = k.raw.Close() }

// The bounds of leave.
const (
	leaveTime  = time.Second
	leaveBytes = 4 << 20
)

// leave closes the connection when the client has closed it, or after a second: a close with unread bytes resets the
// connection, and the client would not get the last answer.
func (k *socket) leave() {
	_ = k.raw.SetReadDeadline(time.Now().Add(leaveTime))
	_, _ = io.CopyN(io.Discard, k.raw, leaveBytes)
	k.cut()
}
