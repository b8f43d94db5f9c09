package rtp

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/gospool/spool/stages/ingest"
)

// sender tells the packets of a track's sender from those of others, by their SSRC
// (RFC 3550, 8): numbers and times of two senders have nothing in common.
//
// The sender is that of the session's Transport header, else, or where nothing comes
// of that one, that of the first packet. Where it has said BYE, or is silent for
// longer than it ever was while another one sends, the other one is the sender from then
// on: an encoder that starts again takes a new SSRC. What it has sent by then is kept for
// that.
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
	said    bool   // that there are some

	reported bool   // the sender itself has reported;
	reporter uint32 // until then others do for it: cameras are known that mix up their SSRCs
}

const (
	silentLeast   = int64(time.Second)      // that a sender is silent for before another is heard,
	silentMost    = int64(10 * time.Second) // and at most,
	silentFactor  = 3                       // else so many times its longest silence
	silentPackets = 2                       // of the other one, at least
)

// Expect says who the sender is, as a session tells before the first packet.
func (t *Track) Expect(ssrc uint32) {
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
	*s = sender{ssrc: ssrc, known: true, came: true, last: mono, foreign: s.foreign, said: s.said, reporter: s.reporter}
}

// admit reports whether a packet is the track's, and begins anew where the sender is
// another from here on.
func (t *Track) admit(p *rtp.Packet, at time.Time) bool {
	mono := ingest.Mono(at)
	came := t.sender.came
	switch t.sender.judge(p.SSRC, mono) {
	case ofSender:
		t.dropOthers()
	case ofOther:
		t.keepOther(p, at)
		if came {
			t.disownReports(p.SSRC)
		}
		return false
	case ofSuccessor:
		if t.others.ssrc != p.SSRC {
			t.dropOthers()
		}
		if !came {
			t.feed.Log().Warn("a track is sent under another SSRC than the session says", "codec", t.codec.String(), "ssrc", p.SSRC)
			t.sender.foreign = 0
			t.takeOthers()
			return true
		}
		t.feed.Log().Warn("the sender of a track is another from here on, by its SSRC: the one before is silent",
			"codec", t.codec.String(), "ssrc", p.SSRC)
		t.succeed(p, at)
	}
	return true
}

// disownReports forgets what another sender has reported while nothing else had.
func (t *Track) disownReports(ssrc uint32) {
	s := &t.sender
	if s.reported || s.reporter != ssrc {
		return
	}
	t.to.ForgetReport()
	if t.trial != nil {
		t.trial.points[byReport] = point{}
	}
}

// RTCP takes a packet of RTCP: a sender report, or BYE. What another sender than the
// track's says is left out, where there is one.
func (t *Track) RTCP(p rtcp.Packet) {
	s := &t.sender
	switch p := p.(type) {
	case *rtcp.SenderReport:
		switch {
		case s.known && s.ssrc == p.SSRC:
			s.reported = true
		case s.reported || s.foreign > 0 && s.came: // else it may yet prove to be the sender
			t.to.Repaired(ingest.RepairedReport, 1)
			return
		default:
			s.reporter = p.SSRC
		}
		t.SenderReport(p.NTPTime, p.RTPTime)
	case *rtcp.Goodbye:
		s.left = s.left || s.known && slices.Contains(p.Sources, s.ssrc)
	}
}
