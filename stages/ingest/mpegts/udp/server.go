package udp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/sparinglog"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/ingest"
)

// Server publishes the transport streams that arrive at its inputs. Its methods are safe for concurrent use.
type Server struct {
	Settings
	ingest.ServerDeps
	strangers *slog.Logger // for events that any sender can cause: drops lines above a rate
	clients   *clients.Table
	ready     chan struct{}
	once      sync.Once
	addr      net.Addr
}

func newServer(s Settings, d ingest.ServerDeps) (ingest.Server, error) { return New(s, d), nil }

// New makes a server; Run starts it. New does no I/O.
func New(s Settings, d ingest.ServerDeps) *Server {
	return &Server{
		Settings: s, ServerDeps: d, strangers: sparinglog.New(d.Log), clients: clients.New(protocol, s.Limits(), d.Log, d.Clock),
		ready: make(chan struct{}),
	}
}

// Ready, Addr, Counts, Connections and End implement ingest.Server. Addr is the address of the first input.
func (s *Server) Ready() <-chan struct{}          { return s.ready }
func (s *Server) Addr() net.Addr                  { return s.addr }
func (s *Server) Counts() clients.Counts          { return s.clients.Counts() }
func (s *Server) Connections() []media.Connection { return s.clients.List() }
func (s *Server) End(number uint64) bool          { return s.clients.End(number) }

// Scheme returns the scheme of the URLs of senders.
func (s *Server) Scheme() string { return schemeUDP }

// PublishURL returns the address of the input of a path, or of the first input.
func (s *Server) PublishURL(path string) string {
	for _, in := range s.Inputs {
		if in.Path == path {
			return in.URL
		}
	}
	return s.Inputs[0].URL
}

// errPanic is the error of an input whose task has panicked; the log has the panic.
var errPanic = errors.New("an input of ingest.mpegts has failed: the server begins anew")

// Run takes datagrams at all inputs until ctx ends. Then it ends all publications and returns nil.
func (s *Server) Run(ctx context.Context) error {
	var inputs []*input
	defer func() {
		for _, in := range inputs {
			_ = in.conn.Close()
		}
	}()
	for i := range s.Inputs {
		address, err := s.Inputs[i].address()
		if err != nil {
			return fmt.Errorf("mpegts server: %w", err)
		}
		conn, err := address.open(ctx)
		if err != nil {
			return config.NewListenFault(fmt.Sprintf("ingest.mpegts.inputs[%d].url", i), address.Listen, err)
		}
		inputs = append(inputs, &input{of: s, path: s.Inputs[i].Path, address: address, conn: conn})
	}
	s.once.Do(func() {
		s.addr = inputs[0].conn.LocalAddr()
		close(s.ready)
	})
	tasks := pipeline.NewTasks(s.Log, s.Clock)
	failed := make(chan error, len(inputs))
	for _, in := range inputs {
		s.Log.Info("mpegts server listens", "address", in.address.Listen, "stream", in.path)
		tasks.Go("mpegts "+in.path, func(ctx context.Context) error {
			err := errPanic
			defer func() { failed <- err }() // after a panic, too
			defer in.abandon()
			err = in.run(ctx)
			return err
		})
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	_ = tasks.Stop(context.Background()) // the error of a task comes by failed
	return err
}
