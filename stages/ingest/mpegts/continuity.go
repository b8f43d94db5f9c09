package mpegts

import "bytes"

// continuity finds missing packets of one PID by their counters (2.4.3.3).
type continuity struct {
	seen    bool
	counter uint8 // of the newest packet with a payload
	suspect bool  // the transport lost data since that packet: sixteen packets may be missing
	size    int   // of its payload
	payload [packetBytes]byte
}

// follows is the relation of a packet to the one before.
type follows uint8

const (
	next      follows = iota
	again             // the packet was sent twice
	afterLoss         // packets are missing before it
	afterCut          // packets may be missing before it, and the sender says so
)

// next takes a packet with a payload. missing is the number of packets before it that are missing, at least.
func (c *continuity) next(p *packet) (f follows, missing int) {
	step := int(p.counter-c.counter) & 0xf
	seen, suspect := c.seen, c.suspect
	c.suspect = false
	if seen && step == 0 && !p.discontinuity && bytes.Equal(c.payload[:c.size], p.payload) {
		return again, 0
	}
	c.seen, c.counter = true, p.counter
	c.size = copy(c.payload[:], p.payload)
	switch {
	case !seen || step == 1 && !suspect:
		return next, 0
	case step == 1, p.discontinuity:
		return afterCut, 0
	}
	return afterLoss, (step - 1) & 0xf
}
