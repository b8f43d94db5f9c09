package hub

import "time"

// WallClockArrival is the wall_clock setting by which this machine's clock replaces a sender's
// clock that runs at a wrong rate. Without it the feed follows the sender's clock at any rate.
const WallClockArrival = "arrival"

// Timing holds the timing settings of one stream.
type Timing struct {
	// ReadTimeout is the setting of the path; 0 without one. A source that sends nothing for this
	// long is lost, and a track that is silent for less is not a problem. With 0 the protocol sets
	// the former limit, and the usual pace of the track the latter.
	ReadTimeout time.Duration
	ByArrival   bool // WallClockArrival is set, for the path or else for the hub
}

// timing returns the present settings. The caller holds s.mu.
func (s *stream) timing() Timing {
	clock := s.hub.cfg.WallClock
	if s.wallClock != "" {
		clock = s.wallClock
	}
	return Timing{ReadTimeout: s.readTimeout, ByArrival: clock == WallClockArrival}
}

// Timing returns the present timing settings of the publisher's stream.
func (p *Publisher) Timing() Timing {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	return p.stream.timing()
}
