package rtsp

import (
	"cmp"
	"time"

	"github.com/gospool/spool/pipeline/endcause"
)

// longestSilence is gortsplib's timeout, which applies to all publishers. It is the longest read_timeout that a
// configuration may set, so that watch ends each session by the read_timeout of its own stream.
const longestSilence = time.Hour

// watch ends the session once no packet and no report has arrived for the read timeout of its stream. If the stream has
// none, otherwise is the read timeout. A request counts like a packet once media has arrived. The timer only wakes
// watch: the clock of the session measures the silence.
func (s *session) watch(otherwise time.Duration) {
	limit := func() time.Duration { return cmp.Or(s.pub.Timing().ReadTimeout, otherwise) }
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.watching = time.AfterFunc(limit(), func() {
		silence, limit := min(s.silence(), s.sinceAsked()), limit()
		if silence < limit {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !s.closed {
				s.watching.Reset(limit - silence)
			}
			return
		}
		s.log.Warn("the publisher sends no data: its publication is ended", "silent_for", silence.Round(time.Millisecond), "read_timeout", limit)
		s.close(endcause.SourceLost, true)
		s.hangUp()
	})
}

// asks records a request of the client, such as a keep-alive. The request postpones the end of the session by watch. It
// does not count for session.silence, so another publisher can still take the path.
func (s *session) asks() {
	if s.sent.Load() {
		s.askedNS.Store(int64(s.sinceZero()))
	}
}

func (s *session) sinceAsked() time.Duration {
	return s.sinceZero() - time.Duration(s.askedNS.Load())
}
