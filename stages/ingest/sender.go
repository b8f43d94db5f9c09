package ingest

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/media"
)

// sender tells the packets of a track's sender from those of others, by their SSRC
// (RFC 3550, 8): numbers and times of two senders have nothing in common.
//
// The sender is that of the session's Transport header, else, or where nothing comes
// of that one (early), that of the first packet. Where it has said BYE, or is silent for
// longer than it ever was while another one sends, the other one is the sender from then
// on: an encoder that starts again takes a new SSRC.
type sender struct {
	ssrc    uint32
	known   bool  // by the Transport header, or by a packet
	came    bool  // a packet did
	left    bool  // it has said BYE
	last    int64 // ns, arrival of its newest packet
	longest int64 // ns that it was silent for, lately

	next    uint32 // who sends while it is silent,
	heard   int    // so many packets
	since   int64  // ns, arrival of the first packet of others since its newest
	foreign uint64 // packets in all
	warned  bool   // of them

	reported bool   // the sender itself has reported;
	reporter uint32 // until then others do for it: cameras are known that mix up their SSRCs
}

const (
	silentLeast   = 1_000_000_000  // ns that a sender is silent for before another is heard,
	silentMost    = 10_000_000_000 // and at most,
	silentFactor  = 3              // else so many times its longest silence
	silentPackets = 2              // of the other one, at least
)

// Expect says who the sender is, as a session tells before the first packet.
func (t *RTPTrack) Expect(ssrc uint32) {
	if !t.sender.known {
		t.sender.ssrc, t.sender.known = ssrc, true
	}
}

// verdict is what a packet is to a track.
type verdict uint8

const (
	ofSender verdict = iota
	ofOther
	ofSuccessor // the sender's, from now on
)

// judge tells whose a packet is that arrived at a time, ns.
func (s *sender) judge(ssrc uint32, mono int64) verdict {
	if s.known && ssrc == s.ssrc {
		if s.came {
			s.longest = max(mono-s.last, s.longest-s.longest>>8)
		}
		s.came, s.left, s.last, s.heard = true, false, mono, 0
		return ofSender
	}
	if !s.known {
		s.take(ssrc, mono)
		return ofSender
	}
	if s.heard == 0 || s.next != ssrc {
		if s.heard == 0 {
			s.since = mono
		}
		s.next, s.heard = ssrc, 0
	}
	s.heard++
	if s.silent(mono) {
		s.take(ssrc, mono)
		return ofSuccessor
	}
	s.foreign++
	return ofOther
}

// silent reports whether the sender is taken to have gone.
func (s *sender) silent(mono int64) bool {
	if s.left {
		return true
	}
	from := s.last
	if !s.came { // the header named one who does not send
		from = s.since
	}
	return s.heard >= silentPackets && mono-from >= min(max(silentLeast, silentFactor*s.longest), silentMost)
}

func (s *sender) take(ssrc uint32, mono int64) {
	*s = sender{ssrc: ssrc, known: true, came: true, last: mono, foreign: s.foreign, warned: s.warned, reporter: s.reporter}
}

// admit reports whether a packet is the track's, and begins anew where the sender is
// another from here on.
func (t *RTPTrack) admit(p *rtp.Packet, at time.Time) bool {
	mono := at.Sub(epoch).Nanoseconds()
	came := t.sender.came
	switch t.sender.judge(p.SSRC, mono) {
	case ofSender:
		if !came {
			t.leaveEarly()
		}
	case ofOther:
		if !came && t.wait(p, at) {
			return false
		}
		t.track().lost(LostForeign, 1)
		t.setApart(p.SSRC)
		return false
	case ofSuccessor:
		if !came {
			t.feed.log.Warn("a track is sent under another SSRC than the session says", "codec", t.track().cfg.Codec.String(), "ssrc", p.SSRC)
			t.sender.foreign = 0
			t.takeEarly()
			return true
		}
		t.feed.log.Warn("the sender of a track is another from here on, by its SSRC: the one before is silent",
			"codec", t.track().cfg.Codec.String(), "ssrc", p.SSRC)
		t.succeed(p, at)
	}
	return true
}

// setApart notes that a sender is not the track's: what it reported is not for it.
func (t *RTPTrack) setApart(ssrc uint32) {
	s := &t.sender
	if !s.reported && s.reporter == ssrc {
		t.track().points[sourceReport] = point{}
		if t.trial != nil {
			t.trial.points[sourceReport] = point{}
		}
	}
	if !s.warned {
		s.warned = true
		t.feed.log.Warn("another sender's packets come with a track's: they are left out, by their SSRC",
			"codec", t.track().cfg.Codec.String(), "ssrc", s.ssrc, "other", ssrc)
	}
}

// succeed begins anew with a packet of another sender. Its times have nothing to do
// with those before: they go on by arrival.
func (t *RTPTrack) succeed(p *rtp.Packet, at time.Time) {
	if t.datagrams != nil {
		_ = t.datagrams.flush() // the feed remembers
		t.datagrams.begin(p.SequenceNumber)
	}
	if t.order != nil {
		_ = t.flushOrder()
	}
	if t.unit != nil {
		if t.marked > 0 { // else the next picture would have ended it
			t.unit.interrupt()
		}
		_ = t.finish()
	}
	t.track().flush()
	t.flushSound()
	t.track().lostBefore++
	t.seen = false
	t.time.goOn(p.Timestamp, t.byNow(at.Sub(epoch).Nanoseconds()))
}

// byNow is the time that the sender's clock shows at an arrival, ns: by the newest unit
// whose time is in line.
func (t *RTPTrack) byNow(mono int64) int64 {
	o, s := &t.track().outliers, &t.line
	switch {
	case o.base.n > 0:
		last := o.base.last()
		now := max(last.pts+media.FromNanos(mono-last.mono, t.scale), o.base.front()+o.base.step)
		return media.Rescale(now-o.shift.now(), t.scale, t.clock)
	case s.any:
		now := s.next - t.audio.duration(1, t.clock) + media.FromNanos(mono-s.mono, t.clock)
		return max(now, s.next) - s.shift.now()
	}
	return t.time.wide + max(media.FromNanos(mono-t.arrived, t.clock), 1)
}

// RTCP takes a packet of RTCP: a sender report, or BYE. What another sender than the
// track's says is left out, where there is one.
func (t *RTPTrack) RTCP(p rtcp.Packet) {
	s := &t.sender
	switch p := p.(type) {
	case *rtcp.SenderReport:
		switch {
		case s.known && s.ssrc == p.SSRC:
			s.reported = true
		case s.reported || s.foreign > 0 && s.came: // else it may yet prove to be the sender
			t.track().repaired(RepairedReport, 1)
			return
		default:
			s.reporter = p.SSRC
		}
		t.SenderReport(p.NTPTime, p.RTPTime)
	case *rtcp.Goodbye:
		s.left = s.left || s.known && slices.Contains(p.Sources, s.ssrc)
	}
}
