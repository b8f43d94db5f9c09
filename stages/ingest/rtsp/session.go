package rtsp

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtcp"
	pion "github.com/pion/rtp"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// session is one publication by a client of the server, or by the puller. It passes packets and reports from gortsplib
// or package client to the tracks of a feed. Over UDP they arrive on several goroutines; mu serialises them.
type session struct {
	log    *slog.Logger
	early  *slog.Logger // for events before media arrives; on the server it drops lines above a rate
	clock  pipeline.Clock
	hangUp func() // closes the connection; must not wait, because callbacks call it

	channels [][2]int                      // server only: interleaved channels that the client requested
	senders  map[*description.Media]uint32 // server only: SSRCs that the client named for UDP

	setUp     *description.Media         // server only: section of the newest SETUP
	channelOf map[*description.Media]int // server only: interleaved channel of the RTP packets of a section

	counted bool          // server only: the session counts in Server.sessions
	gone    chan struct{} // server only: closed when the session's ports are free

	heardNS atomic.Int64 // arrival of the newest packet or report, or of RECORD, in ns since steadyZero; 0: before
	sent    atomic.Bool  // a packet or report has arrived
	torn    atomic.Bool  // server only: the client has sent TEARDOWN
	askedNS atomic.Int64 // server only: arrival of the newest request after media, in ns since steadyZero; 0: none

	mu     sync.Mutex // guards the fields below, once media may arrive
	pub    *hub.Publisher
	feed   *ingest.Feed
	tracks []sessionTrack
	unfit  []sessionTrack // formats of recorded sections that cannot be recorded themselves
	left   []string       // names of the codecs and tracks that are not recorded
	closed bool
	failed bool // a panic ended the session

	watching *time.Timer // timer of watch; nil: not watched
}

// sessionTrack is one format of a recorded section. The section's choice selects which of its formats is the track.
type sessionTrack struct {
	offer
	rtp    *rtp.Track
	leave  string  // why the format cannot be recorded (rtp is nil then); empty: it can be recorded
	choice *choice // shared by the formats of the section
}

// steadyZero is the zero of the times that this package keeps as plain numbers of ns. Times since it are monotonic:
// changes of the wall clock do not affect them.
var steadyZero = time.Now()

func newSession(log *slog.Logger, clock pipeline.Clock) *session {
	return &session{
		log: log, early: log, clock: clock, hangUp: func() {}, gone: make(chan struct{}), senders: map[*description.Media]uint32{},
		channelOf: map[*description.Media]int{},
	}
}

// begin connects the session with the publication pub: it makes a feed, and a track for each offer in take. It logs the
// codecs in leave, and lists them with the stream's tracks as not recorded. It returns an error if no track can be
// recorded.
func (s *session) begin(pub *hub.Publisher, take []offer, leave []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pub, s.feed, s.left = pub, ingest.NewFeed(pub, s.log), leave
	s.feed.Time(pub.Timing())
	for _, o := range take {
		if err := s.add(o); err != nil {
			s.left = append(s.left, codecName(o.format)+": "+err.Error())
		}
	}
	for _, codec := range s.left {
		s.early.Warn("a track is not recorded: its codec is not supported; "+rtp.Recordable, "codec", codec)
	}
	pub.LeaveOut(s.left)
	if len(s.tracks) == 0 {
		return fmt.Errorf("none of the tracks can be recorded: %s", strings.Join(s.left, ", "))
	}
	return nil
}

// add adds a track to the feed for the format of an offer, and one for each of the other formats that can be recorded.
// choice selects among them as packets arrive. It returns an error if the feed refuses the track of the first format.
func (s *session) add(o offer) error {
	t, err := rtp.Add(s.feed, o.config)
	if err != nil {
		return err
	}
	c := &choice{}
	s.tracks = append(s.tracks, sessionTrack{offer: o, rtp: t, choice: c})
	for _, other := range o.others {
		next := sessionTrack{offer: offer{media: o.media, format: other.format}, leave: other.leave, choice: c}
		if next.leave == "" {
			other.config.Datagrams, other.config.SSRC = o.config.Datagrams, o.config.SSRC
			if next.rtp, err = rtp.Add(s.feed, other.config); err == nil {
				s.tracks = append(s.tracks, next)
				continue
			}
			next.leave = codecName(other.format)
		}
		s.unfit = append(s.unfit, next)
	}
	return nil
}

// carrier is the source of a session's packets: a session of gortsplib's server, or a Client.
type carrier interface {
	OnPacketRTP(*description.Media, format.Format, gortsplib.OnPacketRTPFunc)
	OnPacketRTCP(*description.Media, gortsplib.OnPacketRTCPFunc)
}

// listen sets the callbacks for the packets and reports of all tracks. It discards the packets of formats that only
// accompany another one, such as retransmissions.
func (s *session) listen(c carrier) {
	for i := range s.tracks {
		for _, f := range s.tracks[i].media.Formats {
			c.OnPacketRTP(s.tracks[i].media, f, func(*pion.Packet) {})
		}
	}
	for _, list := range [...][]sessionTrack{s.tracks, s.unfit} {
		for i := range list {
			t := &list[i]
			c.OnPacketRTP(t.media, t.format, func(p *pion.Packet) { s.packet(t, p) })
		}
	}
	for i := range s.tracks {
		t := &s.tracks[i]
		if ssrc, named := s.senders[t.media]; named {
			t.rtp.Expect(ssrc)
		}
		c.OnPacketRTCP(t.media, func(p rtcp.Packet) { s.report(t.choice, p) })
	}
}

// packet takes an RTP packet of a format from gortsplib.
func (s *session) packet(t *sessionTrack, p *pion.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.caught()
	s.accept(t, p, s.clock.Now())
}

// accept takes an RTP packet of a format, which arrived at the time now. It keeps no reference to the packet. The caller
// holds s.mu.
func (s *session) accept(t *sessionTrack, p *pion.Packet, now time.Time) {
	if s.closed {
		return
	}
	select {
	case <-s.pub.Done(): // another publisher took the path, or the hub closed
		s.hangUp()
		return
	default:
	}
	s.hear(now)
	s.sent.Store(true)
	if t.choice.sends == t {
		t.choice.run = 0
	} else if !s.choose(t) {
		return
	}
	if t.rtp == nil {
		return
	}
	if err := t.rtp.Packet(p, now); err != nil {
		s.log.Debug("publication ended", "reason", err)
		s.hangUp()
	}
}

// report passes an RTCP packet of a section to the track of the section (see choice). Before the first RTP packet of
// the section it passes the packet to every recordable format of the section.
func (s *session) report(c *choice, p rtcp.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.caught()
	if s.closed {
		return
	}
	s.hear(s.clock.Now())
	s.sent.Store(true)
	for i := range s.tracks {
		if t := &s.tracks[i]; t.choice == c && (c.sends == nil || c.sends == t) {
			t.rtp.RTCP(p)
		}
	}
}

func (s *session) hear(now time.Time) { s.heardNS.Store(int64(now.Sub(steadyZero))) }

// silence returns the time since the newest packet or report. Before RECORD it returns hub.NotBegun, so that any other
// publisher can take the path.
func (s *session) silence() time.Duration {
	heard := s.heardNS.Load()
	if heard == 0 {
		return hub.NotBegun
	}
	return s.sinceZero() - time.Duration(heard)
}

// sinceZero returns the time from steadyZero until now, by the clock of the session. All silences of the session are
// differences of such times.
func (s *session) sinceZero() time.Duration { return s.clock.Now().Sub(steadyZero) }

// over reports whether the publication of the session has ended or is about to end after TEARDOWN, or the session has
// recorded and been silent for overAfter: its client has probably left, and the server has not noticed it yet.
func (s *session) over() bool {
	if s.torn.Load() {
		return true
	}
	select {
	case <-s.pub.Done():
		return true
	default:
	}
	silence := s.silence()
	return silence != hub.NotBegun && silence >= overAfter
}

// overAfter is the silence after which the UDP ports of a session go to another session that requests them.
const overAfter = 2 * time.Second

// giveUp ends the session because another publisher takes its path: see hub.PublishOptions. end ends the publication in
// the hub. After RECORD, giveUp also closes the client's connection. Before RECORD the connection stays open, and the
// server refuses the client's RECORD.
func (s *session) giveUp(end func()) {
	s.finish()
	end() // before hangUp, which would end the publication with another cause
	if s.heardNS.Load() != 0 {
		s.hangUp()
	}
}

// caught, deferred by a callback, recovers from a panic, logs it and ends the session. Callbacks run on goroutines that
// do not recover: without caught, one stream's bytes could end all recordings.
func (s *session) caught() {
	if v := recover(); v != nil {
		s.closed, s.failed = true, true
		s.log.Error("panic in ingest", "error", fmt.Sprint(v), "stack", string(debug.Stack()))
		s.hangUp()
	}
}

// malformed counts a packet that is no valid RTP or RTCP.
func (s *session) malformed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.pub != nil {
		s.pub.Lost(media.DropRTPMalformed, 1)
	}
}

// droppedEarly counts packets that a camera sent before its stream was played, and that package client has dropped.
func (s *session) droppedEarly(packets uint64) { s.pub.Lost(media.DropBeforePlay, packets) }

// unannounced counts a packet whose payload type the session description does not announce. m is its section; nil:
// unknown.
func (s *session) unannounced(m *description.Media) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.caught()
	if s.closed || s.pub == nil {
		return
	}
	now := s.clock.Now()
	s.hear(now)
	s.sent.Store(true)
	for i := range s.tracks {
		if t := &s.tracks[i]; (m == nil || t.media == m) && (t.choice.sends == nil || t.choice.sends == t) {
			t.rtp.Unannounced(now)
			return
		}
	}
	s.pub.Lost(media.DropWrongPayloadType, 1)
}

// close ends the publication. It first writes the access units that the tracks still hold to the publisher (see
// finish). The cause of the end is reason, or endcause.Error after a panic. If the connection is lost, the client may come
// back: see hub.Publisher.Disconnect.
func (s *session) close(reason media.Cause, lost bool) {
	if s.finish(); s.failed {
		reason = endcause.Error
	}
	if lost {
		s.pub.Disconnect(reason)
		return
	}
	s.pub.Close(reason)
}

// finish writes the access units that the tracks still hold to the publisher. From then on the session ignores packets,
// and watch no longer ends it. finish does not end the publication: see close. Only the first call has an effect.
func (s *session) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.caught()
	if s.closed {
		return
	}
	s.closed = true
	if s.watching != nil {
		s.watching.Stop()
	}
	for i := range s.tracks {
		s.tracks[i].rtp.Close()
	}
	if s.feed != nil { // nil if another publisher took the path before begin
		s.feed.Close()
	}
}

// record starts to accept the packets of c. It returns hub.ErrReplaced if another publisher has taken the path since
// ANNOUNCE.
func (s *session) record(c carrier) error {
	s.hear(s.clock.Now()) // before the check: giveUp closes the connection from here on
	select {
	case <-s.pub.Done():
		s.heardNS.Store(0)
		return hub.ErrReplaced
	default:
	}
	s.listen(c)
	return nil
}
