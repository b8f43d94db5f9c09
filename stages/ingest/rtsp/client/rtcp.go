package client

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
)

// control handles a compound RTCP packet (RFC 3550, 6.1) that arrived at a time. It uses the sender reports and the
// goodbyes in it, up to the first invalid packet.
func (t *track) control(b []byte, at time.Time) {
	for len(b) >= 4 {
		n := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if n > len(b) || b[0]>>6 != 2 {
			t.client.Malformed()
			return
		}
		switch rtcp.PacketType(b[1]) {
		case rtcp.TypeSenderReport:
			t.reported(&rtcp.SenderReport{}, b[:n], at)
		case rtcp.TypeGoodbye:
			t.reported(&rtcp.Goodbye{}, b[:n], at)
		}
		b = b[n:]
	}
}

// reported parses b, one packet of a compound RTCP packet, into p, which has the type of the packet. It stores the
// values that the client itself needs, and passes p to the track's callback. It counts an invalid packet as malformed.
func (t *track) reported(p rtcp.Packet, b []byte, at time.Time) {
	if err := p.Unmarshal(b); err != nil {
		t.client.Malformed()
		return
	}
	t.mu.Lock()
	switch p := p.(type) {
	case *rtcp.SenderReport:
		t.received.senderReport(p.SSRC, p.NTPTime, at)
	case *rtcp.Goodbye:
		t.goodbye = at
	}
	t.mu.Unlock()
	if t.reports != nil {
		t.reports(p)
	}
}

// overtaken is the time for which packets that the server sent before a goodbye may still arrive after the goodbye. It
// applies to UDP.
const overtaken = 200 * time.Millisecond

// saidGoodbye reports whether the server has ended every track with a goodbye (RFC 3550, 6.6). Over UDP a goodbye
// counts only after twice the time overtaken, because media may arrive after it.
func (c *Client) saidGoodbye(now time.Time) bool {
	for _, t := range c.tracks {
		t.mu.Lock()
		at := t.goodbye
		t.mu.Unlock()
		if at.IsZero() || c.UDP && now.Sub(at) < 2*overtaken {
			return false
		}
	}
	return len(c.tracks) > 0
}
