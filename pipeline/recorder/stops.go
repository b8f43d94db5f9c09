package recorder

import (
	"slices"
	"time"
)

// maxStops bounds the streams remembered because a request stopped them.
const maxStops = 4096

// forgetStops keeps at most maxStops stops by request. Beyond that it forgets the oldest, down to
// three quarters of maxStops, but none of a live or configured stream. The caller holds r.mu.
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

// setStopped sets when a request stopped a stream; zero: none did. The caller holds r.mu.
func (r *Recorder) setStopped(s *streamState, at time.Time) {
	if s.stopped.IsZero() && !at.IsZero() {
		r.stops++
	} else if !s.stopped.IsZero() && at.IsZero() {
		r.stops--
	}
	s.stopped = at
}
