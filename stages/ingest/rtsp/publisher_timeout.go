package rtsp

import (
	"cmp"
	"time"

	"github.com/gospool/spool/pipeline/endcause"
)

// longestSilence is the longest possible read_timeout. gortsplib has one timeout for all publishers and gets this
// one; each session ends by its stream's own.
const longestSilence = time.Hour

// watch ends the publication after its stream's read timeout without any packet, report or, once media arrived,
// request.
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
		s.close(endcause.SourceLost)
		s.hangUp()
	})
}

// asks records a request of the client, such as a keep-alive. It postpones the end, but holds the path against no
// other publisher.
func (s *session) asks() {
	if s.sent.Load() {
		s.askedNS.Store(int64(s.clock.Now().Sub(steadyZero)))
	}
}

func (s *session) sinceAsked() time.Duration {
	return time.Since(steadyZero) - time.Duration(s.askedNS.Load())
}
