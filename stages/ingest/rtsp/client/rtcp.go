package client

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
)

// control takes a compound of RTCP packets (RFC 3550, 6.1). What can't be read ends
// it: the packets before hold.
func (t *track) control(b []byte, at time.Time) {
	for len(b) >= 4 {
		n := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
		if n > len(b) || b[0]>>6 != 2 {
			t.client.Malformed()
			return
		}
		switch rtcp.PacketType(b[1]) {
		case rtcp.TypeSenderReport:
			t.senderReport(b[:n], at)
		case rtcp.TypeGoodbye:
			t.mu.Lock()
			t.goodbye = at
			t.mu.Unlock()
		}
		b = b[n:]
	}
}

func (t *track) senderReport(b []byte, at time.Time) {
	var r rtcp.SenderReport
	if err := r.Unmarshal(b); err != nil {
		t.client.Malformed()
		return
	}
	t.mu.Lock()
	t.received.senderReport(r.SSRC, r.NTPTime, at)
	t.mu.Unlock()
	if t.reports != nil {
		t.reports(&r)
	}
}

// overtaken is how much later a packet may come over UDP that was sent before a
// goodbye.
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
