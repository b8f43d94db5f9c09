package client

import (
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

// track is a track that was set up.
type track struct {
	client   *Client
	media    *description.Media
	url      string
	channels [2]int      // of RTP and RTCP, over TCP
	udp      *pair       // nil over TCP
	sealed   *decryption // nil: unencrypted

	formats   [128]gortsplib.OnPacketRTPFunc // by payload type
	reports   gortsplib.OnPacketRTCPFunc
	other     func()     // takes packets of other payload types
	packet    rtp.Packet // the current packet
	from      uint16     // the first played sequence number
	fromKnown bool

	mu       sync.Mutex // guards the fields below: over UDP packets and reports have a goroutine each
	received reception
	goodbye  time.Time // when it arrived; zero: it did not, or packets arrived after it
}

// OnPacketRTP sets the callback for a track's packets in a format. A packet and its bytes are valid until the
// callback returns.
func (c *Client) OnPacketRTP(m *description.Media, f format.Format, take gortsplib.OnPacketRTPFunc) {
	for _, t := range c.tracks {
		if t.media == m {
			t.formats[f.PayloadType()&0x7f] = take
			t.received.clockHz = int64(f.ClockRate())
		}
	}
}

// OnPacketOther sets the callback for a track's packets that are in none of its formats.
func (c *Client) OnPacketOther(m *description.Media, count func()) {
	for _, t := range c.tracks {
		if t.media == m {
			t.other = count
		}
	}
}

// OnPacketRTCP sets the callback for a track's sender reports and goodbyes.
func (c *Client) OnPacketRTCP(m *description.Media, take gortsplib.OnPacketRTCPFunc) {
	for _, t := range c.tracks {
		if t.media == m {
			t.reports = take
		}
	}
}

// takeDatagram passes on a datagram that arrived at one of the track's ports.
func (t *track) takeDatagram(b []byte, rtcp bool, at time.Time) {
	if rtcp && (len(b) < 2 || !isRTCP(b)) { // RTP belongs to the goroutine of the other port
		t.client.Malformed()
		return
	}
	t.take(b, rtcp, at)
}

func isRTCP(b []byte) bool { return b[1] >= 192 && b[1] <= 223 }

// take passes on one packet of RTP or RTCP that arrived at a time.
func (t *track) take(b []byte, rtcp bool, at time.Time) {
	if len(b) == 0 {
		return
	}
	if len(b) < 8 || b[0]>>6 != 2 {
		t.client.Malformed()
		return
	}
	// The second byte distinguishes RTP from RTCP (RFC 5761, 4), unless it is a payload type of the track's.
	report := isRTCP(b) && (rtcp || t.formats[b[1]&0x7f] == nil)
	if t.sealed != nil {
		if report {
			t.sealed.reporting.Lock()
			defer t.sealed.reporting.Unlock()
		}
		var err error
		if b, err = t.sealed.open(b, report); err != nil {
			t.client.Malformed()
			return
		}
	}
	if report {
		t.control(b, at)
		return
	}
	t.rtp(b, at)
}

func (t *track) rtp(b []byte, at time.Time) {
	p := &t.packet
	if err := p.Unmarshal(b); err != nil {
		t.client.Malformed()
		return
	}
	take := t.formats[p.PayloadType]
	if take == nil {
		t.other()
		return
	}
	t.mu.Lock()
	t.received.packet(p.SSRC, p.SequenceNumber, p.Timestamp, at)
	if !t.goodbye.IsZero() && (t.udp == nil || at.Sub(t.goodbye) > overtaken) {
		t.goodbye = time.Time{}
	}
	t.mu.Unlock()
	take(p)
}
