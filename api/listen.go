package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/gospool/spool/api/conn"
	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/config"
)

// door is a listener of the server and the handler behind it.
type door struct {
	setting string // its address in the configuration
	address string
	handler http.Handler
	live    *conn.Listener // nil before open
}

// Listen opens the port of Config.Listen and reads the certificate, so that a port in use or an
// invalid certificate fails the start of the program. It returns the address that it listens on:
// for port 0 with the port that the system chose.
func (s *Server) Listen() (net.Addr, error) { return s.open(&s.front) }

// ListenMediaMTX opens the port of Config.MediaMTX.Listen, as Listen does. It returns nil if there is none.
func (s *Server) ListenMediaMTX() (net.Addr, error) {
	if s.side.address == "" {
		return nil, nil
	}
	return s.open(&s.side)
}

func (s *Server) open(d *door) (net.Addr, error) {
	l, err := net.Listen("tcp", d.address)
	if err != nil {
		return nil, config.NewListenFault(d.setting, d.address, err)
	}
	d.live = conn.NewListener(l.(*net.TCPListener), s.cfg.Limits.Connections, s.cfg.Limits.ReadBody)
	if s.cfg.TLS.Cert == "" {
		return l.Addr(), nil
	}
	cert, err := certificate.Read("http.tls", s.cfg.TLS.Cert, s.cfg.TLS.Key, s.deps.Log)
	if err != nil {
		l.Close()
		return nil, err
	}
	d.live.TLS = cert.Config()
	return l.Addr(), nil
}

// Serve answers requests until the context ends. Then it accepts no more connections, lets running
// requests finish for at most Limits.Shutdown, and closes the connections of the remaining ones.
// Listen must have succeeded before. Serve runs as a task of pipeline.Tasks.
func (s *Server) Serve(ctx context.Context) error { return s.serve(ctx, &s.front) }

// ServeMediaMTX does the same behind ListenMediaMTX.
func (s *Server) ServeMediaMTX(ctx context.Context) error { return s.serve(ctx, &s.side) }

func (s *Server) serve(ctx context.Context, d *door) error {
	srv := s.httpServer(d)
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { drained <- s.drain(srv) })
	var err error
	if d.live.TLS != nil {
		err = srv.ServeTLS(d.live, "", "")
	} else {
		err = srv.Serve(d.live)
	}
	if stop() { // the context has not ended: the listener failed
		return errors.Join(fmt.Errorf("http: %w", err), srv.Close())
	}
	return <-drained
}

// drain waits for at most Limits.Shutdown until the running requests have finished, then closes all
// connections. The context of Serve has ended by then, so that the deadline has no parent context.
func (s *Server) drain(srv *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Limits.Shutdown)
	defer cancel()
	err := srv.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.deps.Log.Info("http: requests were cut at shutdown", "after", s.cfg.Limits.Shutdown)
		return srv.Close()
	}
	return err
}

func (s *Server) httpServer(d *door) *http.Server {
	l := s.cfg.Limits
	return &http.Server{
		Handler:           d.handler,
		TLSConfig:         d.live.TLS,
		ReadHeaderTimeout: l.ReadHeader,
		IdleTimeout:       l.Idle,
		MaxHeaderBytes:    l.HeaderBytes,
		ConnState:         d.live.Changed,
		ConnContext:       d.live.Context,
		// There is no ReadTimeout: its end would cancel the context of a handler that runs longer,
		// such as stop. The body of a request has a deadline of its own (conn.TakeBody), and so have
		// answers (answer, playback.Send).
		ErrorLog: slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug), // any client can cause failed handshakes
	}
}
