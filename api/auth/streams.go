package auth

import (
	"slices"

	"github.com/gospool/spool/pipeline/streampath"
)

// Streams holds patterns of the paths of live streams that a caller may read and publish.
type Streams struct {
	Play    []streampath.Glob // empty: with the role View all streams, else none
	Publish []streampath.Glob // empty: none
}

// Empty reports whether s has no pattern.
func (s Streams) Empty() bool { return len(s.Play)+len(s.Publish) == 0 }

// Anybody returns the caller where no authentication is configured: it has every role, and may read and publish every
// stream.
func Anybody() Caller {
	all, _ := streampath.ParseGlob("**") // no error: the pattern is right
	return Caller{Name: "anybody", Roles: Everything, Streams: Streams{Publish: []streampath.Glob{all}}}
}

// MayPlay reports whether the caller may read the live stream of a path.
func (c Caller) MayPlay(path string) bool {
	if len(c.Streams.Play) == 0 {
		return c.Roles.Holds(View)
	}
	return matches(c.Streams.Play, path)
}

// MayPublish reports whether the caller may publish the live stream of a path.
func (c Caller) MayPublish(path string) bool { return matches(c.Streams.Publish, path) }

func matches(all []streampath.Glob, path string) bool {
	return slices.ContainsFunc(all, func(g streampath.Glob) bool { return g.Match(path) })
}
