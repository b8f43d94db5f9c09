package srt

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
	"github.com/gospool/spool/stages/ingest/srt/transport"
)

// Server takes streams by SRT. Its methods are safe for concurrent use.
type Server struct {
	Settings
	ingest.ServerDeps
	strangers   *slog.Logger // for events that any client can cause: drops lines above a rate
	passphrases passphrases
	memory      transport.Memory
	clients     *clients.Table
	public      bool // Listen is no loopback address: strangers can read passwords
	ready       chan struct{}
	once        sync.Once
	addr        net.Addr

	mu    sync.Mutex      // guards tasks
	tasks *pipeline.Tasks // of the connections; nil while the server does not run
}

// memoryBytes bounds the data of all connections that is held for the latency.
const memoryBytes = 256 << 20

func newServer(s Settings, d ingest.ServerDeps) (ingest.Server, error) { return New(s, d) }

// New makes a server; Run starts it. New does no I/O.
func New(s Settings, d ingest.ServerDeps) (*Server, error) {
	found, err := newPassphrases(&s)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(s.Listen)
	return &Server{
		Settings: s, ServerDeps: d, strangers: sparinglog.New(d.Log), passphrases: found, memory: transport.Memory{LimitBytes: memoryBytes},
		clients: clients.New(protocol, s.Limits(), d.Log, d.Clock), public: !config.Loopback(host), ready: make(chan struct{}),
	}, nil
}

// Ready, Addr, Counts, Connections and End implement ingest.Server.
func (s *Server) Ready() <-chan struct{}          { return s.ready }
func (s *Server) Addr() net.Addr                  { return s.addr }
func (s *Server) Counts() clients.Counts          { return s.clients.Counts() }
func (s *Server) Connections() []media.Connection { return s.clients.List() }
func (s *Server) End(number uint64) bool          { return s.clients.End(number) }

// PublishURL returns the URL to which a client publishes the stream of a path: the stream is in the streamid.
func (s *Server) PublishURL(path string) string {
	address := s.Listen
	select {
	case <-s.ready:
		address = s.addr.String()
	default:
	}
	return protocol + "://" + config.DialAddress(address) + "?streamid=publish:" + path
}

var errStopped = errors.New("the server stops")

// Run takes connections until ctx ends. Then it ends all, and returns nil.
func (s *Server) Run(ctx context.Context) error {
	l, err := transport.Listen(s.Listen, transport.Config{
		Latency: s.Latency.D(), MaxLatency: mostLatency, KeyLength: s.KeyLength, Memory: &s.memory, Clock: s.Clock,
	})
	if err != nil {
		return fmt.Errorf("srt server: %w", err)
	}
	tasks := pipeline.NewTasks(s.Log, s.Clock)
	s.addr = l.Addr()
	s.set(tasks)
	defer context.AfterFunc(ctx, func() {
		s.set(nil)
		_ = tasks.Stop(context.Background()) // no error: the context does not end
		_ = l.Close()
	})()
	s.once.Do(func() { close(s.ready) })
	s.Log.Info("srt server listens", "address", s.addr.String())
	return l.Serve(ctx, s.request)
}

func (s *Server) set(tasks *pipeline.Tasks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = tasks
}

// request begins the connection of a request, or rejects it. It does not block.
func (s *Server) request(r *transport.Request) {
	remote := r.Remote().String()
	id, err := parseStreamID(r.StreamID())
	if err != nil {
		s.refuse(r, "", rejection(err), err)
		return
	}
	p := &publisher{of: s, id: id, remote: remote}
	p.live, p.end = context.WithCancelCause(context.Background())
	if p.client = s.clients.Admit(net.UDPAddrFromAddrPort(r.Remote()), s.passphrases.find(id.path) != "", func() { p.end(errHungUp) }); p.client == nil {
		r.Reject(transport.RejectedOverload)
		return
	}
	if !s.start(p, r) {
		p.client.Leave()
		r.Reject(transport.RejectedClosing)
	}
}

func rejection(err error) transport.Reason {
	if errors.Is(err, errMode) {
		return transport.RejectedBadMode
	}
	return transport.RejectedBadRequest
}

// start runs the connection of a publisher, unless the server stops.
func (s *Server) start(p *publisher, r *transport.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tasks != nil {
		s.tasks.Go("srt publisher", func(ctx context.Context) error { return p.run(ctx, r) })
	}
	return s.tasks != nil
}

// refuse rejects a request and counts the refusal. path is empty if the streamid names no stream.
func (s *Server) refuse(r *transport.Request, path string, reason transport.Reason, why error) {
	r.Reject(reason)
	s.refused(r.Remote().String(), path, why)
}

func (s *Server) refused(remote, path string, why error) {
	s.clients.RefusedPublisher()
	s.strangers.Warn("publisher refused", "protocol", protocol, "stream", path, "remote", remote, "error", why)
}
