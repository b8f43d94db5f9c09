package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/clients"
)

// Server takes streams in by one protocol.
type Server interface {
	// Run serves until the context ends; then every publication has ended and the
	// result is nil. After an error it is run again.
	Run(ctx context.Context) error
	// Ready is closed once the server listens. Addr holds from then on.
	Ready() <-chan struct{}
	Addr() net.Addr
	// Counts and Connections may be asked for at any time; see clients.Table.
	Counts() clients.Counts
	Connections() []media.Connection
}

// ServerSettings are those that every server has. The settings of a protocol embed them.
type ServerSettings struct {
	Listen            string          `yaml:"listen" doc:"host:port; empty is off."`
	OverridePublisher bool            `yaml:"override_publisher" doc:"A second publisher takes a path over; else it is refused."`
	ReadTimeout       config.Duration `yaml:"read_timeout" doc:"In place of ingest.read_timeout, for those that publish here; 0 is as there."`
	MaxConnections    int             `yaml:"max_connections" doc:"Most connections at once; 0 is no limit. When one more comes, the one that has waited longest without recording is closed; when all record, the new one is refused."`
	MaxPerAddress     int             `yaml:"max_connections_per_address" doc:"Most connections from one address that do not record; when one more comes, the one that has waited longest is closed. Those that record do not count: any number of cameras may be behind one address. 0 is a quarter of max_connections."`
}

// DefaultServerSettings are those of a server that listens at an address.
func DefaultServerSettings(listen string) ServerSettings {
	return ServerSettings{Listen: listen, MaxConnections: 1000}
}

// Addresses returns where the server listens, by the paths of the settings that say so.
// A protocol that listens at several addresses returns all of them.
func (s *ServerSettings) Addresses() map[string]string {
	return map[string]string{"listen": s.Listen}
}

// Limits returns the bounds of its clients.
func (s *ServerSettings) Limits() clients.Limits {
	return clients.Limits{Connections: s.MaxConnections, PerAddress: s.MaxPerAddress}
}

func (s *ServerSettings) common() *ServerSettings { return s }

// check finds what is wrong with the settings that all servers have.
func (s *ServerSettings) check() (ps config.Problems) {
	if d := s.ReadTimeout.D(); d != 0 && (d < time.Second || d > LongestReadTimeout) {
		ps = append(ps, config.At("read_timeout", "%s is out of range", s.ReadTimeout).WithHint("%s to %s; 0 is ingest.read_timeout", config.Duration(time.Second), config.Duration(LongestReadTimeout)))
	}
	if s.MaxConnections < 0 {
		ps = append(ps, config.At("max_connections", "%d is negative", s.MaxConnections).WithHint("0 is no limit"))
	}
	if s.MaxPerAddress < 0 {
		ps = append(ps, config.At("max_connections_per_address", "%d is negative", s.MaxPerAddress).WithHint("0 is a quarter of max_connections"))
	}
	return ps
}

// LongestReadTimeout is the longest that can be set.
const LongestReadTimeout = time.Hour

// ServerDeps are what the program hands to a server.
type ServerDeps struct {
	Hub         *hub.Hub
	Authorizer  Authorizer    // nil: everybody may do everything
	ReadTimeout time.Duration // of servers that have none of their own
	Clock       pipeline.Clock
	Log         *slog.Logger
}

// ServerInfo describes a registered server.
type ServerInfo struct {
	Name     string
	Doc      string
	Defaults any // a struct

	command string
	create  func(settings any, d ServerDeps) (Server, ServerSettings, error)
}

// ServerTrait is what is particular to a server.
type ServerTrait func(*ServerInfo)

// PublishCommand shows a newcomer how to publish, by a command in which {url} stands for
// the stream's.
func PublishCommand(command string) ServerTrait {
	return func(i *ServerInfo) { i.command = command }
}

var servers = struct {
	sync.RWMutex // guards by
	by           map[string]*ServerInfo
}{by: map[string]*ServerInfo{}}

// RegisterServer makes a server known: its settings are ingest.NAME in the configuration,
// and it runs where these say that it listens. It is called from init of the protocol's
// package, and panics on a name that is taken. S is a struct that embeds ServerSettings;
// defaults is what a configuration overrides. What create is given has no zero
// ReadTimeout. create does no I/O.
func RegisterServer[S any, P interface {
	*S
	common() *ServerSettings
}](name string, defaults S, doc string, create func(S, ServerDeps) (Server, error), traits ...ServerTrait) {
	info := &ServerInfo{Name: name, Doc: doc, Defaults: defaults}
	info.create = func(settings any, d ServerDeps) (Server, ServerSettings, error) {
		own := *settings.(P)
		common := P(&own).common()
		if common.Listen == "" {
			return nil, *common, nil
		}
		if common.ReadTimeout == 0 {
			common.ReadTimeout = config.Duration(d.ReadTimeout)
		}
		s, err := create(own, d)
		return s, *common, err
	}
	for _, trait := range traits {
		trait(info)
	}
	servers.Lock()
	defer servers.Unlock()
	if servers.by[name] != nil {
		panic(fmt.Sprintf("ingest: server %q is registered twice", name))
	}
	servers.by[name] = info
	config.RegisterBlock("ingest", name, config.Block{
		Defaults: defaults, Doc: doc, Check: func(settings any) config.Problems { return settings.(P).common().check() },
	})
}

// registeredServers returns the registered servers by name.
func registeredServers() (all []*ServerInfo) {
	servers.RLock()
	defer servers.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(servers.by)) {
		all = append(all, servers.by[name])
	}
	return all
}

// Servers are those that a configuration lets listen.
type Servers struct{ all []*RunningServer }

// RunningServer is a server that listens, or tries to.
type RunningServer struct {
	*ServerInfo
	server Server
	listen string // as it is configured
}

// NewServers makes the servers of all protocols, by their settings. It starts none.
func NewServers(settings config.Blocks, d ServerDeps) (*Servers, error) {
	out := &Servers{}
	for _, info := range registeredServers() {
		own, is := settings[info.Name]
		if !is {
			continue
		}
		server, common, err := info.create(own, d)
		if err != nil {
			return nil, fmt.Errorf("ingest.%s: %w", info.Name, err)
		}
		if server != nil {
			out.all = append(out.all, &RunningServer{info, server, common.Listen})
		}
	}
	return out, nil
}

// Start runs the servers as tasks, and waits until each listens, or has failed for the
// first time: it then tries again while all else works.
func (s *Servers) Start(ctx context.Context, tasks *pipeline.Tasks) {
	tried := make([]chan struct{}, len(s.all))
	for i, one := range s.all {
		tried[i] = make(chan struct{})
		once := sync.OnceFunc(func() { close(tried[i]) })
		tasks.Keep(one.Name, pipeline.Backoff{}, func(ctx context.Context) error {
			defer once()
			return one.server.Run(ctx)
		})
	}
	for i, one := range s.all {
		select {
		case <-one.server.Ready():
		case <-tried[i]:
		case <-ctx.Done():
		}
	}
}

// All returns the servers by name.
func (s *Servers) All() []*RunningServer { return s.all }

// Listens reports whether the server listens.
func (r *RunningServer) Listens() bool {
	select {
	case <-r.server.Ready():
		return true
	default:
		return false
	}
}

// Address is where the server listens, or will as soon as it can.
func (r *RunningServer) Address() string {
	if r.Listens() {
		return r.server.Addr().String()
	}
	return r.listen
}

// URL returns where a stream is published to.
func (r *RunningServer) URL(path string) string { return r.Name + "://" + r.Address() + "/" + path }

// Command returns how to publish to a URL, for people; empty where nothing is known.
func (r *RunningServer) Command(url string) string {
	return strings.ReplaceAll(r.command, "{url}", url)
}

// Counts returns how the server fares.
func (r *RunningServer) Counts() clients.Counts { return r.server.Counts() }

// Connections lists the open connections of all servers: by protocol, the oldest first.
func (s *Servers) Connections() (all []media.Connection) {
	for _, one := range s.all {
		all = append(all, one.server.Connections()...)
	}
	return all
}

// Authorizer decides what a client of a server may do. The program hands one to each
// server; a nil one lets every client do everything: see Authorize.
type Authorizer interface {
	// Authorize returns nil where the client may do what it asks for, and else an error
	// for the log; the client is told no more than that it may not. It may take long, as
	// passwords are hashed. The context has an error once the client has hung up.
	Authorize(ctx context.Context, r AccessRequest) error
}

// AccessRequest is what a client asks to do.
type AccessRequest struct {
	Protocol    string // of the server, as it is registered: rtsp
	Action      Action
	Path        string // of the stream
	Remote      string // the client's host:port
	Credentials Credentials
}

// Action is what a client may do to a stream.
type Action string

// The actions.
const (
	ActionPublish Action = "publish"
)

// Credentials are what a client says about itself. The zero value is one that has sent
// none.
type Credentials struct {
	Name     string
	Password string
}

// Authorize asks an Authorizer, and returns the name that it has accepted: empty where
// there is none, since a name that nobody has checked is no name.
func Authorize(ctx context.Context, a Authorizer, r AccessRequest) (name string, err error) {
	if a == nil {
		return "", nil
	}
	if err := a.Authorize(ctx, r); err != nil {
		return "", err
	}
	return r.Credentials.Name, nil
}
