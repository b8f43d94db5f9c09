package hub

import "time"

// WallClockArrival is the WallClock of a stream that is dated by the arrival of its packets. Any
// other value selects the sender's times.
const WallClockArrival = "arrival"

// Timing holds the configured timing of a stream: the path's own, else the hub's.
type Timing struct {
	// ReadTimeout is the path's own. A source that sends nothing for this long is lost, and a track
	// that is silent for less is not a problem. 0: the source's protocol determines the former, the
	// track's own pace the latter.
	ReadTimeout time.Duration
	ByArrival   bool // correct a sender's clock that runs at a wrong rate
}

// timing returns the settings in force. The caller holds s.mu.
func (s *stream) timing() Timing {
	clock := s.hub.cfg.WallClock
	if s.wallClock != "" {
		clock = s.wallClock
	}
	return Timing{ReadTimeout: s.readTimeout, ByArrival: clock == WallClockArrival}
}

// Timing returns the present timing of the publisher's stream.
func (p *Publisher) Timing() Timing {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	return p.stream.timing()
}
