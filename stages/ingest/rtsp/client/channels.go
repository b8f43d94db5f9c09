package client

import "encoding/binary"

// channel is one of the 256 interleaved channels of the connection (RFC 2326, 10.12). Some servers send on the channels
// that the client requested, even if their answer to SETUP names others; some send all tracks on one channel. Therefore
// a channel records which tracks may use it.
type channel struct {
	tracks []*track // tracks to which the server assigned the channel
	asked  *track   // track for which the client requested the channel; nil: none
}

// known reports whether a track may use channel n.
func (c *Client) known(n int) bool {
	return len(c.channels[n].tracks) > 0 || c.channels[n].asked != nil
}

// earlyOverheadBytes is the approximate memory of an earlyFrame besides its payload, in bytes.
const earlyOverheadBytes = 64

// earlyFrame is a frame that arrived before Run.
type earlyFrame struct {
	channel int
	payload []byte
}

// frame handles a frame that arrived on channel n. During Run it passes the payload to the track. Before Run it keeps a
// copy of the payload. The frame with which the copies would exceed maxEarlyBytes, and all later frames before Run, are
// dropped and counted. frame ignores empty frames, and every frame after the call of Close.
func (c *Client) frame(n int, payload []byte) {
	switch {
	case c.closing || len(payload) == 0:
	case !c.playing:
		if c.heldBytes += len(payload) + earlyOverheadBytes; c.heldBytes > maxEarlyBytes {
			c.droppedEarly++
			return
		}
		c.early = append(c.early, earlyFrame{n, append([]byte(nil), payload...)})
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

// trackOf returns the track of a frame on channel n, or nil if no track may use the channel. If several tracks use it,
// trackOf returns the first one that has the payload type or the SSRC of the packet, otherwise the first.
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

// playEarly passes the frames that arrived before Run to their tracks, and reports the number of frames that were
// dropped before Run. It leaves out packets that precede the first packet in RTP-Info, with which PLAY begins.
func (c *Client) playEarly() {
	if c.droppedEarly > 0 {
		c.Log.Warn("packets are dropped: the server sent too many before the stream was played", "packets", c.droppedEarly, "kept_bytes", maxEarlyBytes)
		c.DroppedEarly(c.droppedEarly)
	}
	early := c.early
	c.early = nil
	for _, f := range early {
		if t := c.trackOf(f.channel, f.payload); t != nil && t.before(f.payload) {
			continue
		}
		c.route(f.channel, f.payload)
	}
}

// before reports whether b is an RTP packet less than 2048 sequence numbers before the first packet in RTP-Info.
func (t *track) before(b []byte) bool {
	if !t.fromKnown || len(b) < 12 || t.formats[b[1]&0x7f] == nil {
		return false
	}
	d := int16(binary.BigEndian.Uint16(b[2:]) - t.from)
	return d < 0 && d > -2048
}
