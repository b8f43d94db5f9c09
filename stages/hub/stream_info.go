package hub

import (
	"maps"
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

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
		i.State, i.Tracks, i.LastError = "live", s.set.Info(), "" // it works again
	}
	return i
}

// listProblems returns the problems of the stream; see Hub.Problems. The caller holds s.mu.
func (s *stream) listProblems() (out []pipeline.Problem) {
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

// Info describes the stream of a path. It returns false if the hub has no such stream.
func (h *Hub) Info(path string) (media.StreamInfo, bool) {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	if s == nil {
		return media.StreamInfo{}, false
	}
	return s.info(), true
}

// Problems returns the present problems of the stream of a path: a failing pull, silence, and the
// problems of tracks that the publisher reports. It returns nil if the hub has no such stream.
func (h *Hub) Problems(path string) []pipeline.Problem {
	h.mu.Lock()
	s := h.streams[path]
	h.mu.Unlock()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listProblems()
}
