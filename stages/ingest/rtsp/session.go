package rtsp

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// session is one publication: gortsplib's callbacks on one side, a feed on the
// other. Over UDP media and reports come on several goroutines: mu makes them one.
type session struct {
	log    *slog.Logger
	clock  pipeline.Clock
	hangUp func() // ends gortsplib's side; called from its callbacks, so it must not wait

	heard atomic.Int64 // ns since steadyZero, when the newest packet or report came; 0 before RECORD

	mu     sync.Mutex
	pub    *hub.Publisher
	feed   *ingest.Feed
	tracks []sessionTrack
	left   []string // codecs that are not recorded
	closed bool
	failed bool // by a panic
}

type sessionTrack struct {
	offer
	rtp *ingest.RTPTrack
}

// recordable tells a person what to set an encoder to.
const recordable = "H.264, H.265 and AAC can be"

// steadyZero is where silence is counted from: no wall clock moves it.
var steadyZero = time.Now()

func newSession(log *slog.Logger, clock pipeline.Clock) *session {
	return &session{log: log, clock: clock, hangUp: func() {}}
}

// begin makes the feed for a publisher. A codec that can't be recorded is said
// once in the log, and where the stream's tracks are listed.
func (s *session) begin(pub *hub.Publisher, take []offer, leave []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pub, s.feed = pub, ingest.NewFeed(pub, s.log)
	for _, o := range take {
		t, err := s.feed.AddRTPTrack(o.config)
		if err != nil {
			return fmt.Errorf("track %s: %w", codecName(o.format), err)
		}
		s.tracks = append(s.tracks, sessionTrack{o, t})
	}
	for _, codec := range leave {
		s.log.Warn("a track is not recorded: its codec is not supported; "+recordable, "codec", codec)
	}
	s.left = leave
	pub.LeaveOut(s.left)
	return nil
}

// carrier is a session that packets come in: of gortsplib's server, or a client.
type carrier interface {
	OnPacketRTP(*description.Media, format.Format, gortsplib.OnPacketRTPFunc)
	OnPacketRTCP(*description.Media, gortsplib.OnPacketRTCPFunc)
}

// listen takes over the packets of the session's tracks.
func (s *session) listen(c carrier) {
	for i := range s.tracks {
		t := &s.tracks[i]
		c.OnPacketRTP(t.media, t.format, func(p *rtp.Packet) { s.packet(t.rtp, p) })
		c.OnPacketRTCP(t.media, func(p rtcp.Packet) {
			if r, ok := p.(*rtcp.SenderReport); ok {
				s.report(t.rtp, r)
			}
		})
	}
}

func (s *session) packet(t *ingest.RTPTrack, p *rtp.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.caught()
	if s.closed {
		return
	}
	select {
	case <-s.pub.Done(): // another took the path, or the hub closed
		s.hangUp()
		return
	default:
	}
	now := s.clock.Now()
	s.hear(now)
	if err := t.Packet(p, now); err != nil {
		s.log.Debug("publication ended", "reason", err)
		s.hangUp()
	}
}

func (s *session) report(t *ingest.RTPTrack, r *rtcp.SenderReport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.caught()
	if !s.closed {
		s.hear(s.clock.Now())
		t.SenderReport(r.NTPTime, r.RTPTime)
	}
}

func (s *session) hear(now time.Time) { s.heard.Store(int64(now.Sub(steadyZero))) }

// silence is how long nothing has come. A client that has not asked to record yet
// has no right to its path.
func (s *session) silence() time.Duration {
	heard := s.heard.Load()
	if heard == 0 {
		return hub.NotBegun
	}
	return time.Since(steadyZero) - time.Duration(heard)
}

// giveUp lets another publisher take the path. A client that has not asked to
// record yet is refused when it does.
func (s *session) giveUp(end func()) {
	s.finish()
	end() // before the session ends by itself, for another reason
	if s.heard.Load() != 0 {
		s.hangUp()
	}
}

// caught keeps a panic over one stream's bytes from ending every recording: the
// callbacks run on gortsplib's goroutines, which do not recover.
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
		s.pub.Lost(ingest.LostRTPForm, 1)
	}
}

// close writes what is held and ends the publication.
func (s *session) close(reason media.Cause) {
	if s.finish(); s.failed {
		reason = media.EndError
	}
	s.pub.Close(reason)
}

// finish writes what is held, and takes no more. It may be called often.
func (s *session) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.caught()
	if s.closed {
		return
	}
	s.closed = true
	for i := range s.tracks {
		s.tracks[i].rtp.Close()
	}
	if s.feed != nil { // else another publisher came before it was made
		s.feed.Close()
	}
}

// record begins to take packets, unless another publisher took the path before.
func (s *session) record(c carrier) error {
	s.hear(time.Now()) // first: one that replaces it from here on hangs up
	select {
	case <-s.pub.Done():
		s.heard.Store(0)
		return hub.ErrReplaced
	default:
	}
	s.listen(c)
	return nil
}
