package auth

import "github.com/gospool/spool/pipeline/streampath"

// Streams holds patterns of the paths of live streams that a caller may read and publish.
type Streams struct {
	Play    streampath.Globs // empty: with the role View all streams, else none
	Publish streampath.Globs // empty: none
}

// Empty reports whether s has no pattern.
func (s Streams) Empty() bool { return len(s.Play)+len(s.Publish) == 0 }

// Anybody returns the caller where no authentication is configured: it has every role, and may read and publish every
// stream.
func Anybody() Caller {
	all, _ := streampath.ParseGlobs([]string{"**"}) // no error: the pattern is right
	return Caller{Name: "anybody", Roles: Everything, Streams: Streams{Publish: all}}
}

// MayPlay reports whether the caller may read the live stream of a path.
func (c Caller) MayPlay(path string) bool {
	if len(c.Streams.Play) == 0 {
		return c.Roles.Holds(View)
	}
	return c.Streams.Play.Match(path)
}

// MayPublish reports whether the caller may publish the live stream of a path.
func (c Caller) MayPublish(path string) bool { return c.Streams.Publish.Match(path) }
