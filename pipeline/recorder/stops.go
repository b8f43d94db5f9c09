package recorder

import (
	"slices"
	"time"
)

// maxStops bounds the number of streams whose stop by a client is remembered.
const maxStops = 4096

// forgetStops bounds the memory for the clients' stops of streams. If more than maxStops streams have a stop,
// it removes the oldest stops until three quarters of maxStops are left. It keeps the stops of live and
// configured streams, even if more remain. The caller holds r.mu.
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

// setStopped sets the time at which a client stopped a stream; zero means that none did. The caller holds r.mu.
func (r *Recorder) setStopped(s *streamState, at time.Time) {
	if s.stopped.IsZero() && !at.IsZero() {
		r.stops++
	} else if !s.stopped.IsZero() && at.IsZero() {
		r.stops--
	}
	s.stopped = at
}
