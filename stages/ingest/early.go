package ingest

import (
	"time"

	"github.com/pion/rtp"
)

// early is the packets of another sender than the one that was named, as long as
// nothing of that one has come: should it never come, since what named it was wrong,
// they are the track's.
type early struct {
	packets []*datagram
	bytes   int
}

// The bounds of what waits, of a second.
const (
	maxEarly      = 2048 // packets
	maxEarlyBytes = 4 << 20
	earlyBytes    = 256 // that a packet takes beside its payload, about
)

// wait keeps a packet, and reports whether there was room.
func (t *RTPTrack) wait(p *rtp.Packet, at time.Time) bool {
	e := &t.early
	if len(e.packets) > 0 && e.packets[0].packet.SSRC != p.SSRC {
		t.leaveEarly()
	}
	n := len(p.Payload) + earlyBytes
	if len(e.packets) >= maxEarly || e.bytes+n > maxEarlyBytes {
		return false
	}
	if !t.feed.memory.grow(n) {
		t.feed.memory.grow(-n)
		return false
	}
	d := &datagram{}
	d.keep(p, at)
	e.packets, e.bytes = append(e.packets, d), e.bytes+n
	return true
}

// takeEarly takes what waited: it was the sender's.
func (t *RTPTrack) takeEarly() {
	packets := t.emptyEarly()
	for _, d := range packets {
		_ = t.pass(&d.packet, d.at) // the feed remembers
	}
}

// leaveEarly leaves it out.
func (t *RTPTrack) leaveEarly() {
	if left := t.emptyEarly(); len(left) > 0 {
		t.track().lost(LostForeign, uint64(len(left)))
		t.setApart(left[0].packet.SSRC)
	}
}

func (t *RTPTrack) emptyEarly() []*datagram {
	e := t.early
	t.early = early{}
	t.feed.memory.grow(-e.bytes)
	return e.packets
}
