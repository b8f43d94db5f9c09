package client

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
)

// control takes a compound of RTCP packets (RFC 3550, 6.1). An unreadable packet ends it; the packets before it
// count.
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

// reported reads a packet and passes it on.
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

// overtaken is the delay within which a packet over UDP may arrive after a goodbye that was sent later.
const overtaken = 200 * time.Millisecond

// saidGoodbye reports whether every track has ended (RFC 3550, 6.6).
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
