package hub

import "time"

// WallClockArrival is the WallClock of a stream whose times follow arrival; with any
// other they are the sender's.
const WallClockArrival = "arrival"

// Timing is how the times of a stream are taken, as configured for its path or else
// for all.
type Timing struct {
	// ReadTimeout is the path's own: a source of which nothing at all comes for this
	// long is gone, and a track that is silent for less is no problem. 0: the source's
	// protocol knows the former, and the track's own pace tells the latter.
	ReadTimeout time.Duration
	ByArrival   bool // a sender's clock of a wrong rate is put right
}

// timing resolves what is configured. The caller holds s.mu.
func (s *stream) timing() Timing {
	clock := s.hub.cfg.WallClock
	if s.wallClock != "" {
		clock = s.wallClock
	}
	return Timing{ReadTimeout: s.readTimeout, ByArrival: clock == WallClockArrival}
}

// Timing is that of the publisher's stream, as it is configured now.
func (p *Publisher) Timing() Timing {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	return p.stream.timing()
}
