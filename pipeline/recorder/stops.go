package recorder

import (
	"slices"
	"time"
)

// maxStops bounds the streams that are remembered because they were stopped by hand.
const maxStops = 4096

// forgetStops forgets the oldest quarter of the stops by hand, where there are more than
// maxStops, but those of streams that are live or configured. The caller holds r.mu.
func (r *Recorder) forgetStops() {
	if r.stops <= maxStops {
		return
	}
	var old []*streamState
	for _, s := range r.streams {
		if !s.stopped.IsZero() {
			old = append(old, s)
		}
	}
	r.stops = len(old)
	slices.SortFunc(old, func(a, b *streamState) int { return a.stopped.Compare(b.stopped) })
	for _, s := range old {
		if r.stops <= maxStops*3/4 {
			break
		}
		if !r.dir.Live(s.path) && !r.dir.Configured(s.path) {
			r.setStopped(s, time.Time{})
			s.halted = false
			r.forget(s)
		}
	}
}

// setStopped notes when a stream was stopped by hand; zero: it was not. The caller holds
// r.mu.
func (r *Recorder) setStopped(s *streamState, at time.Time) {
	if s.stopped.IsZero() && !at.IsZero() {
		r.stops++
	} else if !s.stopped.IsZero() && at.IsZero() {
		r.stops--
	}
	s.stopped = at
}
