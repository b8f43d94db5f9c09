package clients

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Listener accepts connections and continues after transient errors, such as a lack of file descriptors, at which a
// server would end.
type Listener struct {
	net.Listener
	log    *slog.Logger
	clock  pipeline.Clock
	closed chan struct{}
	once   sync.Once
}

// NewListener wraps a listener.
func NewListener(l net.Listener, log *slog.Logger, clock pipeline.Clock) *Listener {
	return &Listener{Listener: l, log: log, clock: clock, closed: make(chan struct{})}
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err == nil || !passes(err) {
			return c, err
		}
		if !l.wait(err) {
			return nil, net.ErrClosed
		}
	}
}

func passes(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// shortagePause is the time for which Accept waits during a shortage.
const shortagePause = 500 * time.Millisecond

// wait waits during a shortage; it returns false if the listener was closed meanwhile.
func (l *Listener) wait(err error) bool {
	l.log.Warn("cannot accept connections", "error", err)
	return pipeline.Sleep(context.Background(), l.clock, shortagePause, l.closed)
}

// Close closes the listener and ends Accept.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
