package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
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

// FaultyServer is a Server that may listen where clients cannot connect, as with a broken
// certificate. Fault says why; nil: they can. It may be asked at any time.
type FaultyServer interface {
	Server
	Fault() error
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
func (s *ServerSettings) Addresses() map[string]config.Address {
	return map[string]config.Address{"listen": {Listen: s.Listen, Passwords: true}}
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
	Hub        *hub.Hub
	Authorizer Authorizer      // nil: everybody may do everything
	Cert, Key  string          // PEM files of http.tls, for servers that have none of their own; empty: there are none
	Tasks      *pipeline.Tasks // for a goroutine of each client
	Clock      pipeline.Clock
	Log        *slog.Logger
}

// ServerInfo describes a registered server.
type ServerInfo struct {
	Name     string
	Doc      string
	Defaults any // a struct

	command string
	create  func(settings any, readTimeout config.Duration, d ServerDeps) (s Server, listen string, err error)
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

// RegisterServer makes a server known: its settings lie under its name in the block ingest,
// and it runs where these say that it listens. It is called from init of the protocol's
// package, and panics on a name that is taken. S is a struct that embeds ServerSettings;
// defaults is what a configuration overrides. What create is given has no zero
// ReadTimeout. create does no I/O.
func RegisterServer[S any, P interface {
	*S
	common() *ServerSettings
	Addresses() map[string]config.Address
}](name string, defaults S, doc string, create func(S, ServerDeps) (Server, error), traits ...ServerTrait) {
	info := &ServerInfo{Name: name, Doc: doc, Defaults: defaults}
	info.create = func(settings any, readTimeout config.Duration, d ServerDeps) (Server, string, error) {
		own := *settings.(P)
		common := P(&own).common()
		listen := listens(P(&own).Addresses())
		if listen == "" {
			return nil, "", nil
		}
		if common.ReadTimeout == 0 {
			common.ReadTimeout = readTimeout
		}
		s, err := create(own, d)
		return s, listen, err
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

// listens returns the first address of a server; empty where it has none.
func listens(at map[string]config.Address) string {
	for _, key := range slices.Sorted(maps.Keys(at)) {
		if at[key].Listen != "" {
			return at[key].Listen
		}
	}
	return ""
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
