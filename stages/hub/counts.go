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
	mu sync.Mutex // guards what follows
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

// list returns the numbers by cause, sorted.
func (c *counts) list() []media.Loss {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]media.Loss, 0, len(c.by))
	for cause, n := range c.by {
		out = append(out, media.Loss{Cause: cause, Count: n})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Cause < out[j].Cause })
	return out
}

func (c *counts) repairs() []media.Repair {
	list := c.list()
	out := make([]media.Repair, len(list))
	for i, l := range list {
		out[i] = media.Repair(l)
	}
	return out
}

func (s *stream) info() media.StreamInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := media.StreamInfo{
		Path: s.path, Configured: s.configured.Load(), Subscribers: len(s.subs),
		AccessUnits: s.accessUnits.Load(), Bytes: s.bytes.Load(), LastAccessUnit: s.lastAccessUnit(),
		Losses: s.drops.list(), Repairs: s.repairs.repairs(), Refused: s.refused.Load(), PullFailed: s.pullFailures.Load(), State: "waiting",
	}
	if i.Configured {
		i.State = "configured"
	}
	if s.pull != nil {
		s.pull.describe(&i)
	}
	if s.pub != nil {
		i.Origin, i.Unrecorded = s.pub.opts.Origin, s.pub.leftOut
	}
	if s.set != nil {
		i.State, i.Tracks = "live", s.set.Info()
	}
	return i
}

// wrong lists the problems of a stream: that it cannot be pulled, or is silent, and those
// of its tracks. The caller holds s.mu.
func (s *stream) wrong() (out []pipeline.Problem) {
	if s.pull != nil && s.pull.failed.err != nil && s.set == nil {
		out = append(out, s.pull.failed.problem(s.path))
	}
	if s.silence.is && s.pub != nil {
		out = append(out, s.silenceProblem())
	}
	for _, track := range slices.Sorted(maps.Keys(s.problems)) {
		out = append(out, s.problems[track])
	}
	return out
}

// Info describes the stream of a path; false where there is none.
func (h *Hub) Info(path string) (media.StreamInfo, bool) {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	if s == nil {
		return media.StreamInfo{}, false
	}
	return s.info(), true
}

// Problems lists what is wrong with a stream now: that it cannot be pulled, and what
// its publisher says of its tracks.
func (h *Hub) Problems(path string) []pipeline.Problem {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wrong()
}
