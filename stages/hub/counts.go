package hub

import (
	"maps"
	"slices"
	"sort"
	"sync"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// counts is what was left out or put right, by cause. It is written then only.
type counts struct {
	mu sync.Mutex
	by map[string]uint64
}

func (c *counts) add(cause string, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]uint64{}
	}
	c.by[cause] += n
}

func (c *counts) of(cause string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.by[cause]
}

// Loss is a number of packets, NAL units or access units that were left out, or
// put right, for one cause.
type Loss struct {
	Cause string
	Count uint64
}

func (c *counts) list() []Loss {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Loss, 0, len(c.by))
	for cause, n := range c.by {
		out = append(out, Loss{cause, n})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Cause < out[j].Cause })
	return out
}

// Info describes a stream at one moment.
type Info struct {
	Path        string
	State       string // live, connecting, waiting, configured
	Origin      string // of the publisher
	Pull        string // URL without credentials
	Configured  bool
	Tracks      []media.TrackInfo
	LeftOut     []string // codecs of tracks that cannot be recorded
	AccessUnits uint64
	Bytes       uint64
	LastAU      int64 // UTC ns, 0 before the first
	Losses      []Loss
	Repairs     []Loss             // what was put right: no picture was lost by it
	Problems    []pipeline.Problem // under way now
	Refused     uint64             // publishers, because the path had one
	Subscribers int
	Error       string // of the last pull that failed
	PullFailed  uint64 // times
}

func (s *stream) info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := Info{
		Path: s.path, Configured: s.configured.Load(), Subscribers: len(s.subs),
		AccessUnits: s.accessUnits.Load(), Bytes: s.bytes.Load(), LastAU: s.lastAU.Load(),
		Losses: s.drops.list(), Repairs: s.repairs.list(), Refused: s.refused.Load(), PullFailed: s.pullFailures.Load(), State: "waiting",
	}
	if i.Configured {
		i.State = "configured"
	}
	if s.pull != nil {
		s.pull.describe(&i)
	}
	if s.pub != nil {
		i.Origin, i.LeftOut = s.pub.opts.Origin, s.pub.leftOut
	}
	i.Problems = s.wrong()
	if s.set != nil {
		i.State, i.Tracks = "live", s.set.Info()
	}
	return i
}

// wrong lists the problems of a stream: that it cannot be pulled, and those of its
// tracks. The caller holds s.mu.
func (s *stream) wrong() (out []pipeline.Problem) {
	if s.pull != nil && s.pull.failed.err != nil && s.set == nil {
		out = append(out, s.pull.failed.problem(s.path))
	}
	for _, track := range slices.Sorted(maps.Keys(s.problems)) {
		out = append(out, s.problems[track])
	}
	return out
}

// Info describes the stream of a path; false where there is none.
func (h *Hub) Info(path string) (Info, bool) {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	if s == nil {
		return Info{}, false
	}
	return s.info(), true
}
