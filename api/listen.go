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

// Listen opens the port, so that a port in use is an error of the start and not of a task. It
// returns the address, with the port that the system chose for port 0.
func (s *Server) Listen() (net.Addr, error) {
	l, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return nil, config.NewListenFault("http.listen", s.cfg.Listen, err)
	}
	s.live = conn.NewListener(l.(*net.TCPListener), s.cfg.Limits.Connections, s.cfg.Limits.ReadBody)
	if s.cfg.TLS.Cert == "" {
		return l.Addr(), nil
	}
	cert, err := certificate.Read("http.tls", s.cfg.TLS.Cert, s.cfg.TLS.Key, s.deps.Log)
	if err != nil {
		l.Close()
		return nil, err
	}
	s.live.TLS = cert.Config()
	return l.Addr(), nil
}

// Serve answers until the context ends, then lets running requests finish for Limits.Shutdown and
// cuts the rest. It is a task of pipeline.Tasks. Listen must have succeeded.
func (s *Server) Serve(ctx context.Context) error {
	srv := s.httpServer()
	drained := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { drained <- s.drain(srv) })
	var err error
	if s.live.TLS != nil {
		err = srv.ServeTLS(s.live, "", "")
	} else {
		err = srv.Serve(s.live)
	}
	if stop() { // the context has not ended: the listener failed
		return errors.Join(fmt.Errorf("http: %w", err), srv.Close())
	}
	return <-drained
}

// drain runs after the end of the context, so its deadline has no parent.
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

func (s *Server) httpServer() *http.Server {
	l := s.cfg.Limits
	return &http.Server{
		Handler:           s,
		TLSConfig:         s.live.TLS,
		ReadHeaderTimeout: l.ReadHeader,
		IdleTimeout:       l.Idle,
		MaxHeaderBytes:    l.HeaderBytes,
		ConnState:         s.live.Changed,
		ConnContext:       s.live.Context,
		// No ReadTimeout: its end would cancel the context of a handler that runs longer, such as
		// stop. Bodies have a deadline of their own (conn.TakeBody), and so have answers (answer,
		// footage).
		ErrorLog: slog.NewLogLogger(s.deps.Log.Handler(), slog.LevelDebug), // any client can cause failed handshakes
	}
}
