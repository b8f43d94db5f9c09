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

// Listener is a net.Listener whose Accept continues after transient errors, such as a lack of file descriptors. A
// server would end at such an error.
type Listener struct {
	net.Listener
	log    *slog.Logger
	clock  pipeline.Clock
	closed chan struct{}
	once   sync.Once
}

// NewListener returns a Listener that accepts the connections of l. It logs transient errors to log.
func NewListener(l net.Listener, log *slog.Logger, clock pipeline.Clock) *Listener {
	return &Listener{Listener: l, log: log, clock: clock, closed: make(chan struct{})}
}

// Accept waits for the next connection. It returns an error only if the listener is closed or the error is not
// transient.
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

// shortagePause is the pause of Accept after a transient error: most of these are shortages of a resource.
const shortagePause = 500 * time.Millisecond

// wait logs err and waits for shortagePause. It returns false if the listener was closed meanwhile.
func (l *Listener) wait(err error) bool {
	l.log.Warn("cannot accept connections", "error", err)
	return pipeline.Sleep(context.Background(), l.clock, shortagePause, l.closed)
}

// Close closes the listener; a waiting Accept returns.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
