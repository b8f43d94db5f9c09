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

// Server accepts streams by one protocol.
type Server interface {
	// Run serves until the context ends; then it ends every publication and returns nil. After an error the caller
	// runs it again.
	Run(ctx context.Context) error
	// Ready is closed once the server listens. Addr is valid from then on.
	Ready() <-chan struct{}
	Addr() net.Addr
	// Counts and Connections may be called at any time; observe clients.Table.
	Counts() clients.Counts
	Connections() []media.Connection
}

// FaultyServer is a Server that may listen while clients cannot connect, for example because its certificate is
// broken. Fault returns the reason, and nil if clients can connect. It may be called at any time.
type FaultyServer interface {
	Server
	Fault() error
}

// ServerSettings are the settings that every server has. The settings of a protocol embed them.
type ServerSettings struct {
	Listen            string          `yaml:"listen" doc:"host:port; empty is off."`
	OverridePublisher bool            `yaml:"override_publisher" doc:"A second publisher takes a path over; else it is refused."`
	ReadTimeout       config.Duration `yaml:"read_timeout" doc:"In place of ingest.read_timeout, for those that publish here; 0 is as there."`
	MaxConnections    int             `yaml:"max_connections" doc:"Most connections at once; 0 is no limit. When one more comes, the one that has waited longest without recording is closed; when all record, the new one is refused."`
	MaxPerAddress     int             `yaml:"max_connections_per_address" doc:"Most connections from one address that do not record; when one more comes, the one that has waited longest is closed. Those that record do not count: any number of cameras may be behind one address. 0 is a quarter of max_connections."`
}

// DefaultServerSettings returns the settings of a server that listens at an address.
func DefaultServerSettings(listen string) ServerSettings {
	return ServerSettings{Listen: listen, MaxConnections: 1000}
}

// Addresses returns the addresses at which the server listens, by the paths of their settings. A protocol that
// listens at several addresses returns all of them.
func (s *ServerSettings) Addresses() map[string]config.Address {
	return map[string]config.Address{"listen": {Listen: s.Listen, Passwords: true}}
}

// Limits returns the bounds of the server's clients.
func (s *ServerSettings) Limits() clients.Limits {
	return clients.Limits{Connections: s.MaxConnections, PerAddress: s.MaxPerAddress}
}

func (s *ServerSettings) common() *ServerSettings { return s }

// check returns the problems of the settings that all servers have.
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

// LongestReadTimeout is the longest ReadTimeout that a configuration may set.
const LongestReadTimeout = time.Hour

// ServerDeps are the dependencies that the program hands to a server.
type ServerDeps struct {
	Hub        *hub.Hub
	Authorizer Authorizer      // nil: every client may perform every action
	Cert, Key  string          // PEM files of http.tls, for servers without a certificate of their own; empty: none
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

// ServerTrait sets a property of one server.
type ServerTrait func(*ServerInfo)

// PublishCommand sets a command that shows users how to publish; {url} in it stands for the stream's URL.
func PublishCommand(command string) ServerTrait {
	return func(i *ServerInfo) { i.command = command }
}

var servers = struct {
	sync.RWMutex // guards by
	by           map[string]*ServerInfo
}{by: map[string]*ServerInfo{}}

// RegisterServer registers a server: its settings are in the block ingest under its name, and it runs if they make it
// listen. A protocol's package calls RegisterServer from init; a duplicate name panics. S is a struct that embeds
// ServerSettings; defaults are the values that a configuration overrides. create gets settings whose ReadTimeout is
// not zero, and does no I/O.
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

// listens returns the first address of a server, and an empty string if it has none.
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
