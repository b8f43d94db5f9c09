package ingest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/clients"
)

// Servers holds the servers that a configuration enables.
type Servers struct{ all []*RunningServer }

// RunningServer is one enabled server. After Servers.Start it listens or tries to listen.
type RunningServer struct {
	*ServerInfo
	server Server
	listen string                // address as configured
	ended  atomic.Pointer[error] // error by which the newest run ended; nil: no run has ended
}

// NewServers makes the enabled servers from their settings. readTimeout applies to a server whose settings have none.
// NewServers does not start the servers. An error names the server whose settings are wrong.
func NewServers(settings config.Blocks, readTimeout config.Duration, d ServerDeps) (*Servers, error) {
	out := &Servers{}
	for _, info := range registeredServers() {
		own, is := settings[info.Name]
		if !is {
			continue
		}
		server, listen, err := info.create(own, readTimeout, d)
		if err != nil {
			return nil, fmt.Errorf("ingest.%s: %w", info.Name, err)
		}
		if server != nil {
			out.all = append(out.all, &RunningServer{ServerInfo: info, server: server, listen: listen})
		}
	}
	return out, nil
}

// Start runs the servers as tasks. It waits until each server listens or has failed once, or until ctx ends. A server
// that fails is run again.
func (s *Servers) Start(ctx context.Context, tasks *pipeline.Tasks) {
	tried := make([]chan struct{}, len(s.all))
	for i, one := range s.all {
		tried[i] = make(chan struct{})
		once := sync.OnceFunc(func() { close(tried[i]) })
		tasks.Keep(one.Name, pipeline.Backoff{}, func(ctx context.Context) error {
			defer once()
			err := one.server.Run(ctx)
			one.ended.Store(&err)
			return err
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

// All returns the servers, sorted by name.
func (s *Servers) All() []*RunningServer { return s.all }

// Listens reports whether the server has begun to listen.
func (r *RunningServer) Listens() bool {
	select {
	case <-r.server.Ready():
		return true
	default:
		return false
	}
}

// Fault returns the reason why the server does not serve all clients, or nil if it does.
func (r *RunningServer) Fault() error {
	if faulty, is := r.server.(FaultyServer); is && r.Listens() {
		return faulty.Fault()
	}
	if r.Listens() {
		return nil
	}
	if err := r.ended.Load(); err != nil && *err != nil {
		return fmt.Errorf("it does not listen: %w", *err)
	}
	return fmt.Errorf("it does not listen on %s yet", r.listen)
}

// Address returns the address at which the server listens, or the configured address until it listens.
func (r *RunningServer) Address() string {
	if r.Listens() {
		return r.server.Addr().String()
	}
	return r.listen
}

// Scheme returns the scheme of the URLs to which clients publish.
func (r *RunningServer) Scheme() string {
	if s, is := r.server.(interface{ Scheme() string }); is { // the settings decide between several schemes
		return s.Scheme()
	}
	return r.Name
}

// URL returns the URL to which a client publishes the stream of a path. http is the URL of the program's HTTP server.
func (r *RunningServer) URL(http, path string) string {
	if s, is := r.server.(SignalledServer); is {
		return http + s.PublishPath(path)
	}
	if s, is := r.server.(interface{ PublishURL(path string) string }); is { // each path has an address of its own
		return s.PublishURL(path)
	}
	return r.Scheme() + "://" + config.DialAddress(r.Address()) + "/" + path
}

// Command returns a command that publishes to a URL, to be shown to users; "" if the protocol has none.
func (r *RunningServer) Command(url string) string {
	return strings.ReplaceAll(r.command, "{url}", url)
}

// Counts returns the server's counters.
func (r *RunningServer) Counts() clients.Counts { return r.server.Counts() }

// End closes the open connection with a number among those of the server of a protocol, and reports whether there is
// one.
func (s *Servers) End(protocol string, number uint64) bool {
	for _, one := range s.all {
		if one.Name == protocol {
			return one.server.End(number)
		}
	}
	return false
}

// Connections returns the open connections of all servers, by protocol, then by number.
func (s *Servers) Connections() (all []media.Connection) {
	for _, one := range s.all {
		all = append(all, one.server.Connections()...)
	}
	return all
}
