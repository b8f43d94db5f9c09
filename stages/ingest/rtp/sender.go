package rtp

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/gospool/spool/stages/ingest"
)

// sender separates the packets of a track's sender from those of other senders, by their SSRC (RFC 3550, 8). The
// sequence numbers and times of two senders are unrelated.
//
// The Transport header of the session names the sender. If it does not, or if no packet of that sender arrives, the
// sender of the first packet is the track's. Another sender takes the track over after the track's sender has sent BYE,
// or when the track's sender is silent for much longer than before while the other one sends: an encoder that restarts
// uses a new SSRC. Packets of the other sender are kept for that case.
type sender struct {
	ssrc      uint32
	known     bool  // by the Transport header, or by a packet
	came      bool  // a packet of the sender has arrived
	left      bool  // the sender has sent BYE
	lastNS    int64 // arrival of the sender's newest packet
	longestNS int64 // longest recent silence of the sender

	next          uint32 // SSRC of the newest packet of another sender
	heard         int    // number of consecutive packets with SSRC next, none of the track's sender between them
	sinceNS       int64  // arrival of the first packet of another sender after the newest packet of the track's sender
	foreign       uint64 // number of packets of other senders
	foreignLogged bool   // that there are other senders has been logged

	reported bool   // the sender itself has sent a report
	reporter uint32 // SSRC whose reports count until reported is set: some cameras mix up their SSRCs
}

const (
	minSilenceNS        = int64(time.Second)      // a sender that is silent for less is not replaced
	maxSilenceNS        = int64(10 * time.Second) // a sender that is silent for longer is replaced
	silenceFactor       = 3                       // in between, it is replaced after so many times its longest silence
	minSuccessorPackets = 2                       // least packets by which another sender replaces a silent one
)

// Expect sets the SSRC that the session announces. The caller calls it before the first packet.
func (t *Track) Expect(ssrc uint32) {
	if !t.sender.known {
		t.sender.ssrc, t.sender.known = ssrc, true
	}
}

// verdict classifies a packet by its sender: the track's sender, another one, or one that becomes the track's
// sender.
type verdict uint8

const (
	ofSender    verdict = iota // the track's sender
	ofOther                    // another sender
	ofSuccessor                // another sender that takes the track over with this packet
)

// judge returns the verdict on a packet that arrived at mono, ns of the steady clock.
func (s *sender) judge(ssrc uint32, mono int64) verdict {
	if s.known && ssrc == s.ssrc {
		if s.came {
			s.longestNS = max(mono-s.lastNS, s.longestNS-s.longestNS>>8)
		}
		s.came, s.left, s.lastNS, s.heard = true, false, mono, 0
		return ofSender
	}
	if !s.known {
		s.take(ssrc, mono)
		return ofSender
	}
	if s.heard == 0 || s.next != ssrc {
		if s.heard == 0 {
			s.sinceNS = mono
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

// silent reports whether, at mono, the track's sender counts as gone, so that the sender of the newest packet takes the
// track over.
func (s *sender) silent(mono int64) bool {
	if s.left {
		return true
	}
	from := s.lastNS
	if !s.came { // the header named a sender that has sent nothing
		from = s.sinceNS
	}
	return s.heard >= minSuccessorPackets && mono-from >= min(max(minSilenceNS, silenceFactor*s.longestNS), maxSilenceNS)
}

func (s *sender) take(ssrc uint32, mono int64) {
	*s = sender{ssrc: ssrc, known: true, came: true, lastNS: mono, foreign: s.foreign, foreignLogged: s.foreignLogged, reporter: s.reporter}
}

// admit reports whether a packet belongs to the track. If the packet makes another sender the track's sender, admit
// begins anew with that sender (see succeed). Any other packet of another sender is kept for the case that this
// sender becomes the track's sender (see keepOther).
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
			t.feed.Log().Warn("a track arrives under another SSRC than the session announced", "codec", t.codec.String(), "ssrc", p.SSRC)
			t.sender.foreign = 0
			t.takeOthers()
			return true
		}
		t.feed.Log().Warn("another SSRC sends a track from now on: the earlier sender is silent",
			"codec", t.codec.String(), "ssrc", p.SSRC)
		t.succeed(p, at)
	}
	return true
}

// disownReports undoes the sender reports of an SSRC that is not the track's sender. They counted only because the
// track's sender had sent none. A track that has its place on the time line already keeps that place.
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

// RTCP takes an RTCP packet: a sender report or BYE. It ignores the BYE of another sender. It ignores the report of
// another sender once the track's sender has sent a report, or once RTP packets of both have arrived.
func (t *Track) RTCP(p rtcp.Packet) {
	s := &t.sender
	switch p := p.(type) {
	case *rtcp.SenderReport:
		switch {
		case s.known && s.ssrc == p.SSRC:
			s.reported = true
		case s.reported || s.foreign > 0 && s.came: // otherwise it may still prove to be the sender
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
