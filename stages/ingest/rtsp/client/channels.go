package client

import "encoding/binary"

// channel is a channel of the connection: the tracks to which the server assigned it, and the track for which the
// client requested it. Some servers use the requested channels, whatever they announce; some use one channel for all
// tracks.
type channel struct {
	tracks []*track
	asked  *track
	rtcp   bool // as requested; the packet itself shows whether it is RTCP
}

// known reports whether media may arrive on a channel.
func (c *Client) known(n int) bool {
	return len(c.channels[n].tracks) > 0 || c.channels[n].asked != nil
}

// earlyOverheadBytes is the approximate memory of a frame besides its payload, in bytes.
const earlyOverheadBytes = 64

type earlyFrame struct {
	channel int
	payload []byte
}

// frame takes a frame of media.
func (c *Client) frame(n int, payload []byte) {
	switch {
	case c.closing || len(payload) == 0:
	case !c.playing:
		if c.heldBytes += len(payload) + earlyOverheadBytes; c.heldBytes <= maxEarlyBytes {
			c.early = append(c.early, earlyFrame{n, append([]byte(nil), payload...)})
		}
	default:
		c.route(n, payload)
	}
}

func (c *Client) route(n int, payload []byte) {
	t := c.trackOf(n, payload)
	if t == nil {
		if !c.strayLogged[n] {
			c.strayLogged[n] = true
			c.Log.Warn("packets arrive for which no track was set up: they are left out", "channel", n)
		}
		return
	}
	c.hear(c.readAt)
	t.take(payload, n == t.channels[1], c.readAt)
}

// trackOf finds the track of a frame. Of several tracks on one channel it is the one with the packet's payload type,
// or for a report the one with its SSRC.
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

// playEarly takes the frames that arrived before the answer to PLAY, except packets that precede the first packet by
// RTP-Info.
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

// before reports whether a packet precedes the first played one by less than about a second.
func (t *track) before(b []byte) bool {
	if !t.fromKnown || len(b) < 12 || t.formats[b[1]&0x7f] == nil {
		return false
	}
	d := int16(binary.BigEndian.Uint16(b[2:]) - t.from)
	return d < 0 && d > -2048
}
