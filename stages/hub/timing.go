package hub

import "time"

// WallClockArrival is the WallClock of a stream whose times follow arrival; with any
// other they are the sender's.
const WallClockArrival = "arrival"

// Timing is how the times of a stream are taken, as configured for its path or else
// for all.
type Timing struct {
	ReadTimeout time.Duration // a source of which nothing at all comes for this long is gone; 0: as its protocol has it
	Patience    time.Duration // a track may be silent for this long before that is a problem; 0: as its own pace tells
	ByArrival   bool          // a sender's clock of a wrong rate is put right
}

// timing resolves what is configured. The caller holds s.mu.
func (s *stream) timing() Timing {
	t := Timing{ReadTimeout: s.hub.cfg.ReadTimeout, Patience: s.readTimeout}
	if s.readTimeout > 0 {
		t.ReadTimeout = s.readTimeout
	}
	clock := s.hub.cfg.WallClock
	if s.wallClock != "" {
		clock = s.wallClock
	}
	t.ByArrival = clock == WallClockArrival
	return t
}

// Timing is that of the publisher's stream, as it is configured now.
func (p *Publisher) Timing() Timing {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	return p.stream.timing()
}
