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

// session is one publication: it connects gortsplib's callbacks with a feed. Over UDP media and reports arrive on
// several goroutines; mu serialises them.
type session struct {
	log    *slog.Logger
	early  *slog.Logger // for events before media arrives
	clock  pipeline.Clock
	hangUp func() // ends gortsplib's side; called from its callbacks, so it must not wait

	channels [][2]int                      // of tracks over TCP, as the client named them; for the server
	senders  map[*description.Media]uint32 // their SSRC over UDP, if the client named it; for the server
	counted  bool                          // among the publications; for the server
	gone     chan struct{}                 // closed when the server has released the session

	heardNS atomic.Int64 // ns since steadyZero, arrival of the newest packet or report; 0 before RECORD
	sent    atomic.Bool  // a packet or report arrived
	askedNS atomic.Int64 // ns since steadyZero, arrival of the newest request after media; for the server

	mu     sync.Mutex // guards the fields below, once media may arrive
	pub    *hub.Publisher
	feed   *ingest.Feed
	tracks []sessionTrack
	unfit  []sessionTrack // formats of the same sections that cannot be recorded
	left   []string       // codecs that are not recorded
	closed bool
	failed bool // by a panic

	watching *time.Timer // see watch; nil without one
}

// sessionTrack is a format of a recorded section. A section has several if it may send one or another.
type sessionTrack struct {
	offer
	rtp    *rtp.Track
	leave  string  // why it cannot be recorded; rtp is nil then
	choice *choice // of the section
}

// steadyZero is the zero of the clock for silences; no change of the wall clock moves it.
var steadyZero = time.Now()

func newSession(log *slog.Logger, clock pipeline.Clock) *session {
	return &session{
		log: log, early: log, clock: clock, hangUp: func() {}, gone: make(chan struct{}), senders: map[*description.Media]uint32{},
	}
}

// begin makes the feed for a publisher. A codec that can't be recorded is logged once, and appears in the list of the
// stream's tracks.
func (s *session) begin(pub *hub.Publisher, take []offer, leave []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pub, s.feed, s.left = pub, ingest.NewFeed(pub, s.log), leave
	timing := pub.Timing()
	s.feed.Time(timing.ReadTimeout, timing.ByArrival)
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

// add adds a section's track, and its alternatives.
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

// carrier is a session that delivers packets: of gortsplib's server, or a client.
type carrier interface {
	OnPacketRTP(*description.Media, format.Format, gortsplib.OnPacketRTPFunc)
	OnPacketRTCP(*description.Media, gortsplib.OnPacketRTCPFunc)
}

// listen takes the packets of the session's tracks. Formats that only accompany another one, such as retransmissions,
// belong to no track.
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

func (s *session) packet(t *sessionTrack, p *pion.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.caught()
	if s.closed {
		return
	}
	select {
	case <-s.pub.Done(): // another publisher took the path, or the hub closed
		s.hangUp()
		return
	default:
	}
	now := s.clock.Now()
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

// report takes a report for a section, as soon as the sent format is known.
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

// silence returns the time without data. A client that has not sent RECORD has no right to its path.
func (s *session) silence() time.Duration {
	heard := s.heardNS.Load()
	if heard == 0 {
		return hub.NotBegun
	}
	return time.Since(steadyZero) - time.Duration(heard)
}

// over reports whether the session has been silent for a while, or has lost its path: the server may not have noticed
// yet that the client has left.
func (s *session) over() bool {
	select {
	case <-s.pub.Done():
		return true
	default:
	}
	silence := s.silence()
	return silence != hub.NotBegun && silence >= overAfter
}

// overAfter is the silence after which a returning client replaces its own session.
const overAfter = 2 * time.Second

// giveUp gives the path to another publisher. A client that has not sent RECORD yet is refused when it does.
func (s *session) giveUp(end func()) {
	s.finish()
	end() // before the session ends by itself, for another reason
	if s.heardNS.Load() != 0 {
		s.hangUp()
	}
}

// caught recovers from a panic over one stream's bytes: the callbacks run on gortsplib's goroutines, which do not
// recover, and the panic would end every recording.
func (s *session) caught() {
	if v := recover(); v != nil {
		s.closed, s.failed = true, true
		s.log.Error("panic in ingest", "error", fmt.Sprint(v), "stack", string(debug.Stack()))
		s.hangUp()
	}
}

// malformed counts a packet that gortsplib could not read.
func (s *session) malformed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && s.pub != nil {
		s.pub.Lost(media.DropRTPMalformed, 1)
	}
}

// unannounced counts a packet of an unannounced payload type, in a section or, if m is nil, in an unknown one.
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

// close writes the held units and ends the publication.
func (s *session) close(reason media.Cause) {
	if s.finish(); s.failed {
		reason = endcause.Error
	}
	s.pub.Close(reason)
}

// finish writes the held units, and accepts no more. Repeated calls do nothing.
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
	if s.feed != nil { // otherwise another publisher replaced it before begin
		s.feed.Close()
	}
}

// record begins to accept packets, unless another publisher took the path before.
func (s *session) record(c carrier) error {
	s.hear(time.Now()) // first: a publisher that replaces it from here on hangs up
	select {
	case <-s.pub.Done():
		s.heardNS.Store(0)
		return hub.ErrReplaced
	default:
	}
	s.listen(c)
	return nil
}
