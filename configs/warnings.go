package configs

import (
	"maps"
	"net"
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
)

// warnings are about a configuration that is right, but does not do what its
// author may expect.
func (c *Config) warnings() (ps config.Problems) {
	warn := func(hint, msg string, keys ...string) {
		n := c.tree
		for _, key := range keys {
			if next := n.Get(key); next != nil {
				n = next
			}
		}
		ps.Add(n, hint, "%s", msg)
	}
	ps = append(ps, c.crontabWarnings()...)
	if len(c.Pipelines) == 0 {
		warn("enable the mp4 block or declare pipelines", "nothing can be recorded: mp4.enable is false and there are no pipelines", "mp4", "enable")
	}
	for path, listen := range c.Ingest.addresses() {
		if host, _, err := net.SplitHostPort(listen); err == nil && !loopback(host) && len(c.Ingest.Auth.Users) == 0 {
			warn("keep it inside a network that you trust", "whoever reaches this address may publish", append([]string{"ingest"}, config.SplitPath(path)...)...)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(c.Streams)) {
		if !c.Streams[path].Pull.Empty() && len(c.Pipelines) > 0 && !c.recorded(string(path)) {
			warn("", "no pipeline is for this stream: it is never fetched", "streams", string(path))
		}
	}
	return ps.Sorted()
}

func (c *Config) recorded(stream string) bool {
	return len(c.modes(stream)) > 0
}

func (p Pipeline) covers(stream string) bool {
	return slices.ContainsFunc(p.Streams, func(pattern string) bool {
		g, err := pipeline.ParseGlob(pattern)
		return err == nil && g.Match(stream)
	})
}
