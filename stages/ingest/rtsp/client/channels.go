package client

import "encoding/binary"

// channel of the connection: the tracks that the server said it is for, and the one
// that it was asked for. Some servers use what they were asked for, whatever they
// say; some use one channel for all tracks.
type channel struct {
	tracks []*track
	asked  *track
	rtcp   bool // as it was asked for; whether a packet is RTCP tells itself
}

// known reports whether media may come on a channel.
func (c *Client) known(n int) bool {
	return len(c.channels[n].tracks) > 0 || c.channels[n].asked != nil
}

// earlyOverhead is what a frame takes besides its payload, about.
const earlyOverhead = 64

type earlyFrame struct {
	channel int
	payload []byte
}

// frame takes a frame of media.
func (c *Client) frame(n int, payload []byte) {
	switch {
	case c.closing || len(payload) == 0:
	case !c.playing:
		if c.held += len(payload) + earlyOverhead; c.held <= maxEarly {
			c.early = append(c.early, earlyFrame{n, append([]byte(nil), payload...)})
		}
	default:
		c.route(n, payload)
	}
}

func (c *Client) route(n int, payload []byte) {
	t := c.trackOf(n, payload)
	if t == nil {
		if !c.told[n] {
			c.told[n] = true
			c.Log.Warn("packets come that no track was set up for: they are left out", "channel", n)
		}
		return
	}
	c.hear(c.readAt)
	t.take(payload, n == t.channels[1], c.readAt)
}

// trackOf finds the track of a frame. Of several on one channel it is the one with
// the packet's payload type, or for a report the one with its SSRC.
func (c *Client) trackOf(n int, payload []byte) *track {
	of := &c.channels[n]
	switch {
	case len(of.tracks) == 0:
		return of.asked
	case len(of.tracks) == 1:
		return of.tracks[0]
	case len(payload) >= 8:
		ssrc := binary.BigEndian.Uint32(payload[4:])
		for _, t := range of.tracks {
			if t.formats[payload[1]&0x7f] != nil || t.received.ssrc == ssrc {
				return t
			}
		}
	}
	return of.tracks[0]
}

// playEarly takes what came before PLAY was answered, but for what RTP-Info says is
// of before: packets that precede the first one of what is played.
func (c *Client) playEarly() {
	early := c.early
	c.early = nil
	for _, f := range early {
		if t := c.trackOf(f.channel, f.payload); t != nil && t.before(f.payload) {
			continue
		}
		c.route(f.channel, f.payload)
	}
}

// before reports whether a packet precedes, by less than a second or so, what is
// played.
func (t *track) before(b []byte) bool {
	if !t.fromKnown || len(b) < 12 || t.formats[b[1]&0x7f] == nil {
		return false
	}
	d := int16(binary.BigEndian.Uint16(b[2:]) - t.from)
	return d < 0 && d > -2048
}
