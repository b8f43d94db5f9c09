package rtsp

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/gospool/spool/pipeline"
)

// listener bounds the number of open connections and gives each one a read
// buffer. A connection past the limit is closed at once, and counted.
type listener struct {
	net.Listener
	max     int64 // 0: no limit
	open    atomic.Int64
	refused atomic.Uint64
	log     *slog.Logger
	clock   pipeline.Clock
	done    chan struct{}
	once    sync.Once
}

func newListener(l net.Listener, max int, log *slog.Logger, clock pipeline.Clock) *listener {
	return &listener{Listener: l, max: int64(max), log: log, clock: clock, done: make(chan struct{})}
}

// Accept goes on after errors that pass, such as a lack of file descriptors:
// gortsplib would end the server.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		switch {
		case err == nil && l.admit():
			return newConn(c, func() { l.open.Add(-1) }), nil
		case err == nil:
			_ = c.Close()
		case !passes(err):
			return nil, err
		case !l.wait(err):
			return nil, net.ErrClosed
		}
	}
}

func (l *listener) admit() bool {
	if n := l.open.Add(1); l.max <= 0 || n <= l.max {
		return true
	}
	l.open.Add(-1)
	if n := l.refused.Add(1); n&(n-1) == 0 { // 1, 2, 4, 8...: a flood does not fill the log
		l.log.Warn("connection refused: too many are open", "max", l.max, "refused_so_far", n)
	}
	return false
}

func passes(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// wait lets a shortage pass; false when the listener was closed meanwhile.
func (l *listener) wait(err error) bool {
	l.log.Warn("cannot accept connections", "error", err)
	c, stop := l.clock.After(500_000_000)
	defer stop()
	select {
	case <-c:
		return true
	case <-l.done:
		return false
	}
}

// Close ends Accept.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}
