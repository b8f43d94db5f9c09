package configs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/streampath"
)

// warnings returns warnings about valid settings that may not do what the user expects.
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
	switch {
	case c.records():
	case c.MP4.Enable: // else there would be the default pipeline
		warn("give it another name", "nothing can be recorded: no pipeline records, and this one has the name of the one that mp4.enable makes", "pipelines", DefaultPipeline)
	default:
		warn("enable the mp4 block or declare a pipeline that records", "nothing can be recorded: mp4.enable is false, and no pipeline records", "mp4", "enable")
	}
	c.httpWarnings(warn)
	c.liveWarnings(warn)
	c.ingestWarnings(func(hint, msg, path string) {
		warn(hint, msg, append([]string{"ingest"}, config.SplitPath(path)...)...)
	})
	for _, path := range slices.Sorted(maps.Keys(c.Streams)) {
		if c.Streams[path].Pull.Empty() || !c.records() || c.recorded(string(path)) {
			continue
		}
		text := "no pipeline matches this stream: it is never pulled"
		if c.Egress.Enable && c.served(string(path)) {
			text = "no pipeline records this stream: it is pulled only while a client watches it"
		}
		if c.Streams[path].PullAlways {
			text = "no pipeline records this stream: it is pulled all the time, but not recorded"
		}
		warn("", text, "streams", string(path))
	}
	return ps.Sorted()
}

// httpWarnings warns about each address of the API that other machines can reach without authentication or unencrypted.
func (c *Config) httpWarnings(warn func(hint, msg string, path ...string)) {
	h := c.HTTP
	all := []struct {
		at   string
		path []string
		may  string
	}{
		{h.Listen, []string{"http", "listen"}, "may do everything: watch, delete, and declare pipelines"},
		{h.MediaMTX.Listen, []string{"http", "mediamtx", "listen"}, "may watch"},
	}
	for _, one := range all {
		switch {
		case one.at == "" || !(config.Address{Listen: one.at}).Public():
		case h.Auth.Open():
			warn("keep it inside a network that you trust, or name users: spool passwd makes their hashes", "every client that reaches this address "+one.may, one.path...)
		case h.TLS.Cert == "":
			warn("set http.tls, or listen on loopback behind a proxy with TLS", "passwords and tokens travel unencrypted to this address", one.path...)
		}
	}
}

// ingestWarnings warns about each address of the ingest servers that other machines can reach and at which
// every client may publish, some users cannot publish, or passwords may be sent unencrypted.
func (c *Config) ingestWarnings(warn func(hint, msg, path string)) {
	all, users := c.Ingest.own(), c.Ingest.Auth.Users
	for _, path := range slices.Sorted(maps.Keys(all)) {
		switch at := all[path]; {
		case !at.Public():
		case len(users) == 0:
			warn("keep it inside a network that you trust", "every client that reaches this address may publish", path)
		// If another address accepts passwords, this one may be meant only for the users with a digest: no
		// warning.
		case at.TakesOnlyDigests() && len(c.withoutDigest()) > 0 && !(takesPasswords(all) && len(c.withoutDigest()) < len(users)):
			warn("spool passwd --digest REALM --user NAME makes one", fmt.Sprintf("these users cannot publish here, because they have no digest and the server does not accept their passwords: %s", strings.Join(c.withoutDigest(), ", ")), path)
		case !at.Encrypted && at.Passwords && at.Digests:
			warn("", "passwords of publishers may travel here unencrypted", path)
		}
	}
}

// takesPasswords reports whether at least one of the addresses accepts passwords.
func takesPasswords(all map[string]config.Address) bool {
	for _, at := range all {
		if !at.TakesOnlyDigests() {
			return true
		}
	}
	return false
}

func (c *Config) recorded(stream string) bool {
	return len(c.modes(stream)) > 0
}

func (p Pipeline) covers(stream string) bool {
	return slices.ContainsFunc(p.Streams, func(pattern string) bool {
		g, err := streampath.ParseGlob(pattern)
		return err == nil && g.Match(stream)
	})
}
