package webrtc

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"

	pion "github.com/pion/webrtc/v4"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/sparinglog"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/ingest"
)

// Server takes and plays streams by WebRTC. Its methods are safe for concurrent use.
type Server struct {
	Settings
	ingest.ServerDeps
	strangers *slog.Logger // for events that any client can cause: drops lines above a rate
	dtls      certificates
	clients   *clients.Table
	ready     chan struct{}
	once      sync.Once
	addr      net.Addr

	connecting chan struct{} // holds an element for each session that makes its connection

	mu    sync.Mutex // guards the fields below
	run   *run       // nil while the server does not run
	peers map[string]*peer
}

// run is what the server has while it runs.
type run struct {
	engine pion.SettingEngine
	tasks  *pipeline.Tasks
}

func newServer(s Settings, d ingest.ServerDeps) (ingest.Server, error) { return New(s, d), nil }

// New makes a server; Run starts it. New does no I/O.
func New(s Settings, d ingest.ServerDeps) *Server {
	limits := s.Limits()
	limits.Readers = d.Readers.Max
	return &Server{
		Settings: s, ServerDeps: d, strangers: sparinglog.New(d.Log), clients: clients.New(protocol, limits, d.Log, d.Clock),
		ready: make(chan struct{}), peers: map[string]*peer{}, connecting: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
}

// Ready, Addr, Counts, Connections and End implement ingest.Server.
func (s *Server) Ready() <-chan struct{}          { return s.ready }
func (s *Server) Addr() net.Addr                  { return s.addr }
func (s *Server) Counts() clients.Counts          { return s.clients.Counts() }
func (s *Server) Connections() []media.Connection { return s.clients.List() }
func (s *Server) End(number uint64) bool          { return s.clients.End(number) }

// PublishPath implements ingest.SignalledServer.
func (s *Server) PublishPath(path string) string { return "/whip/" + path }

// Run takes the media of the clients until ctx ends. Then it ends all sessions and returns nil.
func (s *Server) Run(ctx context.Context) error {
	sockets, err := s.listen()
	if err != nil {
		return fmt.Errorf("webrtc server: %w", err)
	}
	defer func() { _ = sockets.close() }()
	engine, err := s.engine(sockets)
	if err != nil {
		return fmt.Errorf("webrtc server: %w", err)
	}
	tasks := pipeline.NewTasks(s.Log, s.Clock)
	s.addr = sockets.udp.LocalAddr()
	s.set(&run{engine, tasks})
	s.once.Do(func() { close(s.ready) })
	s.Log.Info("webrtc server listens", "address", s.addr.String())
	<-ctx.Done()
	s.set(nil)
	return tasks.Stop(context.Background()) // no error: the context does not end
}

func (s *Server) set(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = r
}

// running returns what the running server has, or nil.
func (s *Server) running() *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

// peer returns the session with an identifier, or nil.
func (s *Server) peer(id string) *peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers[id]
}

// start runs a session, unless the server has stopped since r was running.
func (s *Server) start(p *peer, r *run) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != r {
		return errStopped
	}
	s.peers[p.id] = p
	r.tasks.Go("webrtc session", p.run)
	return nil
}

func (s *Server) remove(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p.id)
}
