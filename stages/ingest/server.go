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
	"github.com/gospool/spool/pipeline/media/footage"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/hub"
)

// Server accepts published streams by one protocol.
type Server interface {
	// Run serves until ctx ends, then ends every publication and returns nil. If it returns an error, the caller
	// runs it again.
	Run(ctx context.Context) error
	// Ready returns a channel that is closed once the server listens. From then on Addr is valid.
	Ready() <-chan struct{}
	Addr() net.Addr
	// Counts returns the counters of the server, and Connections its open connections. Both may be called at any time.
	Counts() clients.Counts
	Connections() []media.Connection
	// End closes the open connection with a number, and reports whether there is one. It does not wait.
	End(number uint64) bool
}

// FaultyServer is a Server that may listen although clients cannot connect, for example because its certificate is
// broken. Fault returns the reason, or nil if clients can connect. It may be called at any time.
type FaultyServer interface {
	Server
	Fault() error
}

// ServerSettings holds the settings that every server has. The settings of a protocol embed it.
type ServerSettings struct {
	Listen            string          `yaml:"listen" doc:"host:port; empty is off."`
	OverridePublisher bool            `yaml:"override_publisher" doc:"A second publisher takes a path over; else it is refused."`
	ReadTimeout       config.Duration `yaml:"read_timeout" doc:"In place of ingest.read_timeout, for those that publish here; 0 is as there."`
	MaxConnections    int             `yaml:"max_connections" doc:"Most connections at once; 0 is no limit. When one more comes, the one that has waited longest without recording is closed; when all record, the new one is refused."`
	MaxPerAddress     int             `yaml:"max_connections_per_address" doc:"Most connections from one address that do not record; when one more comes, the one that has waited longest is closed. Those that record do not count: any number of cameras may be behind one address. 0 is a quarter of max_connections."`
}

// DefaultServerSettings returns the default settings of a server that listens at an address.
func DefaultServerSettings(listen string) ServerSettings {
	return ServerSettings{Listen: listen, MaxConnections: 1000}
}

// Addresses returns the addresses at which the server listens, by the name of their setting. A protocol that
// listens at several addresses overrides it.
func (s *ServerSettings) Addresses() map[string]config.Address {
	return map[string]config.Address{"listen": {Listen: s.Listen, Passwords: true}}
}

// Limits returns the limits for the server's clients.
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

// ServerDeps holds the parts of the program that a server uses.
type ServerDeps struct {
	Hub        *hub.Hub
	Authorizer Authorizer // nil: every client may perform every action
	Cert, Key  string     // PEM files of http.tls, for a server without a certificate of its own; empty: none
	Readers    Readers
	Tasks      *pipeline.Tasks // runs a goroutine for each client
	Clock      pipeline.Clock
	Log        *slog.Logger
}

// Readers says which clients of a server may read streams, if its protocol has a way to.
type Readers struct {
	Allowed bool
	Max     int        // clients that read at once; 0: no limit
	Gate    ReaderGate // nil: every stream may be read
	// Footage has the recordings of streams, if the protocol has a way to play them; nil: they are not played.
	Footage footage.Library
}

// ReaderGate decides which live streams an output serves. The output's name is that of the protocol.
type ReaderGate interface {
	// Serves returns nil if clients may watch a stream by an output, or else the reason.
	Serves(output, path string) error
	// Enter counts a client of a stream until it calls leave. Its error refuses the client.
	Enter(output, path string) (leave func(), err error)
}

// Serves returns nil if clients of a protocol may read a stream, or else the reason.
func (r *Readers) Serves(protocol, path string) error {
	if r.Gate == nil {
		return nil
	}
	return r.Gate.Serves(protocol, path)
}

// Enter counts a client of a protocol that reads a stream until it calls leave, or refuses it.
func (r *Readers) Enter(protocol, path string) (leave func(), err error) {
	if r.Gate == nil {
		return func() {}, nil
	}
	return r.Gate.Enter(protocol, path)
}

// ServerInfo describes a registered server.
type ServerInfo struct {
	Name     string
	Doc      string
	Defaults any // struct with the default settings

	command string
	create  func(settings any, readTimeout config.Duration, d ServerDeps) (s Server, listen string, err error)
}

// ServerTrait sets a property of a server at its registration.
type ServerTrait func(*ServerInfo)

// PublishCommand sets the command that shows users how to publish. {url} in it stands for the stream's URL.
func PublishCommand(command string) ServerTrait {
	return func(i *ServerInfo) { i.command = command }
}

var servers = struct {
	sync.RWMutex // guards by
	by           map[string]*ServerInfo
}{by: map[string]*ServerInfo{}}

// RegisterServer registers the server of a protocol. Its settings are the block of its name under ingest, and it
// runs if they name an address. The package of the protocol calls RegisterServer from init. RegisterServer panics if
// the name is registered. S is a struct that embeds ServerSettings; defaults holds the values that a configuration
// may override. create makes the server and does no I/O; where its settings set no ReadTimeout, it gets that of
// ingest.
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

// listens returns an address at which a server listens, the first by the name of its setting, or "" if it has none.
func listens(at map[string]config.Address) string {
	for _, key := range slices.Sorted(maps.Keys(at)) {
		if at[key].Listen != "" {
			return at[key].Listen
		}
	}
	return ""
}

// registeredServers returns the registered servers, sorted by name.
func registeredServers() (all []*ServerInfo) {
	servers.RLock()
	defer servers.RUnlock()
	for _, name := range slices.Sorted(maps.Keys(servers.by)) {
		all = append(all, servers.by[name])
	}
	return all
}
