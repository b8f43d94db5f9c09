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

// startEncrypted listens for RTSPS. Media comes within the connection: gortsplib refuses
// UDP, for which it has no ports here. It is given connections that are encrypted
// already, so that what bounds them counts what they mean. A broken certificate fails
// handshakes and no more: RTSP is served beside it, and it may be mended.
func (s *Server) startEncrypted(listen string) (endpoint, error) {
	tcp, err := net.Listen("tcp", listen)
	if err != nil {
		return endpoint{}, err
	}
	_ = s.cert.Err() // logged at once where it is broken, and not with the first client
	ln := newListener(tcp, s, s.cert.Config())
	e := s.endpoint(listen, ln, true)
	e.lib.TLSConfig = ln.tls
	e.lib.TLSListen = func(string, string, *tls.Config) (net.Listener, error) { return ln, nil }
	return e.start()
}

// errHandshake is the error of a connection on which TLS was not agreed upon.
type errHandshake struct{ error }

func (e errHandshake) Error() string { return fmt.Sprintf("TLS handshake: %v", e.error) }
func (e errHandshake) Unwrap() error { return e.error }

// onlyLeft reports whether a client only left, or took too long, which many do that look
// whether a port is open.
func onlyLeft(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET)
}

// handshake agrees upon TLS before the first byte is read. A client has as long for it
// as for anything else that it does before it records: its deadline is that of reads.
func (g *guest) handshake() error {
	if g.tls == nil || g.agreed {
		return nil
	}
	if err := g.tls.Handshake(); err != nil {
		return errHandshake{err}
	}
	g.agreed = true
	return nil
}

// cut closes a connection without a farewell, so that its client cannot make that last.
func (g *guest) cut() {
	if g.wire != nil {
		_ = g.wire.Conn.Close()
	}
	_ = g.Close()
}

// Close closes the connection. A client within TLS is told so, where it listens.
func (g *guest) Close() error {
	if g.wire != nil {
		g.wire.hurry()
	}
	return g.conn.Close()
}

// farewell is how long the end of a connection waits for its client to take it.
const farewell = 200 * time.Millisecond

// wire is the connection below TLS. Whatever is written, be it an answer, a part of a
// handshake, another key or a farewell, its client must take in time: TLS writes some of
// that while it reads, under no deadline that is set from above.
type wire struct {
	net.Conn
	within  time.Duration
	closing atomic.Bool
}

// Write writes within the time that there is.
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

// hurry lets no write last longer than a farewell from now on.
func (w *wire) hurry() {
	w.closing.Store(true)
	w.bound(farewell)
}

// SetWriteDeadline sets none: each write has its own.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
