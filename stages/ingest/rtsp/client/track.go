package client

import (
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

// track is a track for which SETUP succeeded.
type track struct {
	client   *Client
	media    *description.Media
	url      string      // of its SETUP
	channels [2]int      // interleaved channels of RTP and RTCP, over TCP
	udp      *pair       // ports; nil: over TCP
	sealed   *decryption // nil: unencrypted

	formats   [128]gortsplib.OnPacketRTPFunc // callbacks by payload type; nil: not a payload type of the track
	reports   gortsplib.OnPacketRTCPFunc     // callback for reports; may be nil
	other     func()                         // callback for packets of other payload types
	packet    rtp.Packet                     // the current packet; the next one overwrites it
	from      uint16                         // sequence number of the first packet in RTP-Info
	fromKnown bool                           // from is set

	mu       sync.Mutex // guards the fields below: over UDP packets and reports have a goroutine each
	received reception
	goodbye  time.Time // arrival of the goodbye; zero: none, or packets arrived after it
}

// OnPacketRTP sets the callback for a format of a track. The packet and its bytes are valid until the callback returns.
func (c *Client) OnPacketRTP(m *description.Media, f format.Format, take gortsplib.OnPacketRTPFunc) {
	for _, t := range c.tracks {
		if t.media == m {
			t.formats[f.PayloadType()&0x7f] = take
			t.received.clockHz = int64(f.ClockRate())
		}
	}
}

// OnPacketOther sets the callback for a track's packets whose payload type none of its formats has. Without a callback
// they count as malformed.
func (c *Client) OnPacketOther(m *description.Media, count func()) {
	for _, t := range c.tracks {
		if t.media == m {
			t.other = count
		}
	}
}

// OnPacketRTCP sets the callback for the sender reports and goodbyes of a track.
func (c *Client) OnPacketRTCP(m *description.Media, take gortsplib.OnPacketRTCPFunc) {
	for _, t := range c.tracks {
		if t.media == m {
			t.reports = take
		}
	}
}

// takeDatagram handles a datagram that arrived at the track's port for RTCP if rtcp is set, else at its port for RTP.
func (t *track) takeDatagram(b []byte, rtcp bool, at time.Time) {
	if rtcp && (len(b) < 2 || !isRTCP(b)) { // RTP at this port is refused: only the other port's goroutine handles RTP
		t.client.Malformed()
		return
	}
	t.take(b, rtcp, at)
}

func isRTCP(b []byte) bool { return b[1] >= 192 && b[1] <= 223 }

// take handles one packet that arrived at a time. rtcp marks the channel or port for RTCP; the packet itself may be RTP
// or RTCP on either.
func (t *track) take(b []byte, rtcp bool, at time.Time) {
	if len(b) == 0 {
		return
	}
	if len(b) < 8 || b[0]>>6 != 2 {
		t.client.Malformed()
		return
	}
	// The second byte distinguishes RTP from RTCP (RFC 5761, 4), unless it is a payload type of the track.
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
