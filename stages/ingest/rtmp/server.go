package rtmp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/sparinglog"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/ingest"
)

// Server accepts publications over RTMP and RTMPS. Its methods are safe for concurrent use.
type Server struct {
	Settings
	ingest.ServerDeps
	strangers *slog.Logger // for events that any client can cause: drops lines above a rate
	clients   *clients.Table
	cert      *certificate.Certificate // nil without RTMPS
	public    bool                     // Listen is no loopback address: strangers can read passwords
	ready     chan struct{}
	once      sync.Once
	addr      net.Addr
	encrypted net.Addr // address for RTMPS; nil without
}

func newServer(s Settings, d ingest.ServerDeps) (ingest.Server, error) { return New(s, d), nil }

// New makes a server; Run starts it. New does no I/O.
func New(s Settings, d ingest.ServerDeps) *Server {
	if s.TLS.Cert == "" && s.TLS.Key == "" {
		s.TLS.Cert, s.TLS.Key = d.Cert, d.Key
	}
	out := &Server{
		Settings: s, ServerDeps: d, strangers: sparinglog.New(d.Log), clients: clients.New(protocol, s.Limits(), d.Log, d.Clock),
		ready: make(chan struct{}),
	}
	host, _, _ := net.SplitHostPort(s.Listen)
	out.public = !config.Loopback(host)
	if s.TLS.Listen != "" {
		out.cert = certificate.Open("ingest.rtmp.tls", s.TLS.Cert, s.TLS.Key, d.Log)
	}
	return out
}

// Fault returns the reason for which no client can connect by RTMPS although the server listens: its certificate is
// broken. See ingest.FaultyServer.
func (s *Server) Fault() error {
	if s.cert == nil {
		return nil
	}
	if err := s.cert.Err(); err != nil {
		return fmt.Errorf("ingest.rtmp.tls: %w", err)
	}
	return nil
}

// Ready, Addr, Counts, Connections and End implement ingest.Server. Addr is that of RTMP, or of RTMPS without RTMP.
func (s *Server) Ready() <-chan struct{}          { return s.ready }
func (s *Server) Addr() net.Addr                  { return s.addr }
func (s *Server) Counts() clients.Counts          { return s.clients.Counts() }
func (s *Server) Connections() []media.Connection { return s.clients.List() }
func (s *Server) End(number uint64) bool          { return s.clients.End(number) }

// EncryptedAddr returns the address at which the server listens for RTMPS, or nil if it does not.
func (s *Server) EncryptedAddr() net.Addr { return s.encrypted }

// Scheme returns the scheme of the URLs under which clients publish at Addr.
func (s *Server) Scheme() string {
	if s.Listen == "" {
		return "rtmps"
	}
	return protocol
}

// door is a listener of the server.
type door struct {
	*clients.Listener
	tls bool
}

// Run listens and serves until ctx ends; then it ends every publication and returns nil.
func (s *Server) Run(ctx context.Context) error {
	doors, err := s.open()
	if err != nil {
		return fmt.Errorf("rtmp server: %w", err)
	}
	s.listens(doors)
	tasks := pipeline.NewTasks(s.Log, s.Clock)
	ended := make(chan error, len(doors))
	var accepting sync.WaitGroup
	defer func() { // no client is accepted any more when the tasks stop
		closeAll(doors)
		accepting.Wait()
		_ = tasks.Stop(context.Background()) // no error: the context does not end
	}()
	for _, d := range doors {
		accepting.Add(1)
		tasks.Go("rtmp listener", func(context.Context) error {
			defer accepting.Done()
			ended <- s.accept(d, tasks)
			return nil
		})
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return fmt.Errorf("rtmp server: %w", err)
	}
}

// open listens at each configured address.
func (s *Server) open() (all []*door, err error) {
	for _, at := range []struct {
		setting, listen string
		tls             bool
	}{{"ingest.rtmp.listen", s.Listen, false}, {"ingest.rtmp.tls.listen", s.TLS.Listen, true}} {
		if at.listen == "" {
			continue
		}
		l, err := net.Listen("tcp", at.listen)
		if err != nil {
			closeAll(all)
			return nil, config.NewListenFault(at.setting, at.listen, err)
		}
		all = append(all, &door{clients.NewListener(l, s.Log, s.Clock), at.tls})
	}
	if len(all) == 0 {
		return nil, errors.New("it has no address")
	}
	return all, nil
}

func closeAll(doors []*door) {
	for _, d := range doors {
		_ = d.Close()
	}
}

// listens sets the addresses that Addr and EncryptedAddr return, closes ready and logs the addresses.
func (s *Server) listens(doors []*door) {
	args := []any{}
	s.addr = doors[0].Addr()
	for _, d := range doors {
		if d.tls {
			s.encrypted = d.Addr()
			_ = s.cert.Err() // logs a broken certificate now instead of with the first client
			args = append(args, "rtmps", d.Addr().String())
		} else {
			args = append(args, "address", d.Addr().String())
		}
	}
	s.once.Do(func() { close(s.ready) })
	s.Log.Info("rtmp server listens", args...)
}

// accept serves the clients of a listener until it is closed.
func (s *Server) accept(d *door, tasks *pipeline.Tasks) error {
	for {
		nc, err := d.Accept()
		if err != nil {
			return err
		}
		c := s.connection(nc, d.tls)
		if c == nil {
			_ = nc.Close()
			continue
		}
		tasks.Go("rtmp client", c.run)
	}
}
