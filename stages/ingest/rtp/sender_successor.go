package rtp

import (
	"time"

	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// candidate keeps the packets of another sender until it is decided whether that sender takes the track over, so
// that no packet of a restarted encoder is lost. If the track's own sender sends again, the kept packets count as
// foreign.
type candidate struct {
	ssrc  uint32
	held  []*datagram // in the order of arrival
	bytes int         // payload bytes of held
	free  []*datagram // unused ones, for reuse
}

// keep keeps a copy of a packet. It returns how many earlier packets it dropped: those of another SSRC, and those
// beyond the bounds.
func (c *candidate) keep(p *rtp.Packet, at time.Time) (out int) {
	if c.ssrc != p.SSRC {
		out = c.drop()
	}
	c.ssrc = p.SSRC
	for len(c.held) > 0 && (len(c.held) == maxCandidate || c.bytes+len(p.Payload) > maxCandidateBytes) {
		c.put(c.held[0])
		c.held = append(c.held[:0], c.held[1:]...)
		out++
	}
	h := &datagram{}
	if n := len(c.free) - 1; n >= 0 {
		h, c.free = c.free[n], c.free[:n]
	}
	h.copy(p, at)
	c.held, c.bytes = append(c.held, h), c.bytes+len(h.buf)
	return out
}

// The bounds of the packets that a candidate keeps: about three seconds at 5 Mbit/s.
const (
	maxCandidate      = 2048 // packets
	maxCandidateBytes = 2 << 20
)

// drop removes all packets that the candidate keeps, and returns their number.
func (c *candidate) drop() int {
	n := len(c.held)
	for _, h := range c.held {
		c.put(h)
	}
	c.held = c.held[:0]
	return n
}

func (c *candidate) put(h *datagram) {
	c.bytes -= len(h.buf)
	if len(c.free) < keptDatagrams && cap(h.buf) <= keptDatagramBytes {
		c.free = append(c.free, h)
	}
}

// keepOther keeps a packet of another sender in t.others. The packets that t.others drops for it count as foreign
// (see foreign). If the feed has no memory for the packet, keepOther drops all kept packets, this one included.
func (t *Track) keepOther(p *rtp.Packet, at time.Time) {
	had := t.others.bytes
	t.foreign(t.others.keep(p, at))
	if !t.feed.Grow(t.others.bytes - had) {
		t.dropOthers()
	}
}

// dropOthers drops the packets in t.others and counts them as foreign (see foreign).
func (t *Track) dropOthers() {
	if len(t.others.held) == 0 {
		return
	}
	t.disownReports(t.others.ssrc)
	t.feed.Grow(-t.others.bytes)
	t.foreign(t.others.drop())
}

// takeOthers passes the packets in t.others to the track, because their sender is the track's sender now.
func (t *Track) takeOthers() {
	for _, h := range t.others.held {
		_ = t.pass(&h.packet, h.at) // the feed remembers the error
	}
	t.feed.Grow(-t.others.bytes)
	t.others.drop()
}

// foreign counts packets of other senders that the track leaves out, as lost for media.DropForeignSSRC. It logs the
// first case.
func (t *Track) foreign(packets int) {
	if packets == 0 {
		return
	}
	t.to.Lost(media.DropForeignSSRC, uint64(packets))
	if !t.sender.foreignLogged {
		t.sender.foreignLogged = true
		t.feed.Log().Warn("packets of another sender arrive with a track: they are left out by their SSRC",
			"codec", t.codec.String(), "ssrc", t.sender.ssrc, "other", t.others.ssrc)
	}
}

// succeed makes another sender the track's sender. It finishes the data of the earlier sender, and takes the
// packets in t.others, which are of the new sender. The caller then takes p, the newest packet of the new sender.
// If the first packet of the new sender has a time more than a second away from the expected one, the sender's
// times are unrelated to the earlier times. succeed then moves them to the expected time.
func (t *Track) succeed(p *rtp.Packet, at time.Time) {
	first, came := p, at
	if len(t.others.held) > 0 {
		first, came = &t.others.held[0].packet, t.others.held[0].at
	}
	if t.datagrams != nil {
		_ = t.datagrams.flush() // the feed remembers the error
		t.datagrams.begin(first.SequenceNumber)
	}
	if t.order != nil {
		_ = t.flushOrder()
	}
	if t.unit != nil {
		if t.marked > 0 { // without markers only the next picture ends a picture, so the unit may be incomplete
			t.unit.Interrupt()
		}
		_ = t.finish()
	}
	t.to.Flush()
	t.flushSound()
	t.to.MissingBefore(1, "")
	t.seen = false
	now := t.byNow(ingest.Mono(came))
	if d := t.time.near(first.Timestamp) - now; d < -int64(t.clockHz) || d > int64(t.clockHz) {
		t.time.goOn(first.Timestamp, now)
	}
	t.takeOthers()
}

// byNow returns the expected time of the sender's clock for data that arrives at mono, in ticks of clockHz, extended to
// 64 bits. It is computed from the newest unit whose time is certain, or else from the newest packet.
func (t *Track) byNow(mono int64) int64 {
	now, pictures := t.to.Clock(mono)
	s := &t.line
	switch {
	case pictures:
		return media.Rescale(now, t.timescale, t.clockHz)
	case s.any:
		now := s.nextTicks - t.audio.duration(1, t.clockHz) + media.FromNanos(mono-s.monoNS, t.clockHz)
		return max(now, s.nextTicks) - s.shift.Now()
	}
	return t.time.wideTicks + max(media.FromNanos(mono-t.arrivedNS, t.clockHz), 1)
}
