package rtsp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// startEncrypted starts the endpoint for RTSPS at an address. Media arrives within the TLS connection: the endpoint has
// no UDP ports, so gortsplib refuses UDP. gortsplib gets decrypted connections, so that a serverConn bounds decrypted
// bytes. A broken certificate is no error here: TLS handshakes fail until the operator replaces it, while RTSP works
// on.
func (s *Server) startEncrypted(listen string) (endpoint, error) {
	tcp, err := net.Listen("tcp", listen)
	if err != nil {
		return endpoint{}, err
	}
	_ = s.cert.Err() // logs a broken certificate now instead of with the first client
	ln := newListener(tcp, s, s.cert.Config())
	e := s.endpoint(listen, ln, true)
	e.lib.TLSConfig = ln.tls
	e.lib.TLSListen = func(string, string, *tls.Config) (net.Listener, error) { return ln, nil }
	return e.start()
}

// errHandshake is the error of a connection whose TLS handshake failed.
type errHandshake struct{ error }

func (e errHandshake) Error() string { return fmt.Sprintf("TLS handshake: %v", e.error) }
func (e errHandshake) Unwrap() error { return e.error }

// onlyLeft reports whether a TLS handshake failed because the connection was closed, or because the client sent nothing
// in time. Port scanners cause both.
func onlyLeft(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET)
}

// handshake performs the TLS handshake before the first read. The read deadline bounds it.
func (g *serverConn) handshake() error {
	if g.tls == nil || g.agreed {
		return nil
	}
	if err := g.tls.Handshake(); err != nil {
		return errHandshake{err}
	}
	g.agreed = true
	return nil
}

// cut closes a connection at once, without a TLS close_notify: its client cannot delay the close.
func (g *serverConn) cut() {
	if g.wire != nil {
		_ = g.wire.Conn.Close()
	}
	_ = g.Close()
}

// Close closes the connection. Over TLS it first sends a close_notify. A client that does not read delays the close by
// farewell at most.
func (g *serverConn) Close() error {
	if g.wire != nil {
		g.wire.hurry()
	}
	return g.conn.Close()
}

// farewell is the time for which the close of a connection waits for its client to read.
const farewell = 200 * time.Millisecond

// wire is the connection below TLS. It sets a deadline for each write: TLS also writes while it reads (handshake
// messages, new keys, close_notify), and no caller sets a deadline for those writes.
type wire struct {
	net.Conn
	within  time.Duration // longest duration of a write
	closing atomic.Bool   // Close was called: a write lasts for farewell at most
}

// Write writes p. It fails after w.within, or after farewell once the connection is closing.
func (w *wire) Write(p []byte) (int, error) {
	within := w.within
	if w.closing.Load() {
		within = min(within, farewell)
	}
	w.bound(within)
	return w.Conn.Write(p)
}

// bound sets the write deadline to within from now. A write in progress is bound, too.
func (w *wire) bound(within time.Duration) { _ = w.Conn.SetWriteDeadline(time.Now().Add(within)) }

// hurry bounds the write in progress and all later writes: each fails after farewell.
func (w *wire) hurry() {
	w.closing.Store(true)
	w.bound(farewell)
}

// SetWriteDeadline does nothing, because Write sets a deadline for each write.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
