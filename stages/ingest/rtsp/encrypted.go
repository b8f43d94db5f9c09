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

// startEncrypted listens for RTSPS. Media arrives within the connection: gortsplib refuses UDP, for which it has no
// ports here. gortsplib gets decrypted connections, so that the bounds of a serverConn count the plain bytes. A broken
// certificate only fails handshakes: the server continues with RTSP, and the operator can replace the certificate.
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

// onlyLeft reports whether a client only left, or took too long, as port scanners do.
func onlyLeft(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET)
}

// handshake performs the TLS handshake before the first byte is read. Its deadline is that of reads, as for all that
// a client does before it records.
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

// cut closes a connection without a farewell, so that its client cannot delay the end.
func (g *serverConn) cut() {
	if g.wire != nil {
		_ = g.wire.Conn.Close()
	}
	_ = g.Close()
}

// Close closes the connection, with a TLS close_notify if the client takes it in time.
func (g *serverConn) Close() error {
	if g.wire != nil {
		g.wire.hurry()
	}
	return g.conn.Close()
}

// farewell is the time for which the end of a connection waits for its client.
const farewell = 200 * time.Millisecond

// wire is the connection below TLS. Each write has a deadline of its own, also the writes that TLS makes while it
// reads (answers to a handshake, new keys, close_notify), for which no caller sets a deadline.
type wire struct {
	net.Conn
	within  time.Duration
	closing atomic.Bool
}

// Write writes within the current bound.
func (w *wire) Write(p []byte) (int, error) {
	within := w.within
	if w.closing.Load() {
		within = min(within, farewell)
	}
	w.bound(within)
	return w.Conn.Write(p)
}

// bound bounds a write, also one that is under way.
func (w *wire) bound(within time.Duration) { _ = w.Conn.SetWriteDeadline(time.Now().Add(within)) }

// hurry bounds every write by farewell from now on.
func (w *wire) hurry() {
	w.closing.Store(true)
	w.bound(farewell)
}

// SetWriteDeadline does nothing: each write has its own deadline.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
