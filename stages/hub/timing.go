package hub

import (
	"cmp"
	"time"
)

// The wall_clock settings of a stream, next to auto.
const (
	// WallClockArrival: this machine's clock replaces a sender's clock that runs at a wrong rate. With any other setting
	// the times of the media follow the sender's clock at any rate.
	WallClockArrival = "arrival"
	// WallClockSender: the UTC of the sender's RTCP reports dates the media. With any other setting, and without such
	// reports, the arrival at this machine dates it.
	WallClockSender = "sender"
)

// Timing holds the timing settings of one stream.
type Timing struct {
	// ReadTimeout is the read_timeout of the path; 0 if the path sets none. A source that sends
	// nothing for this long is lost, and a track that is silent for less is not a problem. With 0
	// the protocol decides when a source is lost, and the usual pace of a track decides when its
	// silence is a problem.
	ReadTimeout time.Duration
	// WallClock is the wall_clock of the path, or else of the hub.
	WallClock string
}

// timing returns the present timing settings of the stream. The caller holds s.mu.
func (s *stream) timing() Timing {
	return Timing{ReadTimeout: s.readTimeout, WallClock: cmp.Or(s.wallClock, s.hub.cfg.WallClock)}
}

// Timing returns the present timing settings of the publisher's stream.
func (p *Publisher) Timing() Timing {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	return p.stream.timing()
}
