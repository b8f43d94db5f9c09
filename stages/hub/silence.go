package hub

import (
	"context"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// A live stream is silent when its publisher is connected and sends nothing: longer than
// LeastSilence, and longer than its own pace allows. One that has sent once only has no
// pace yet, and is waited for up to lonelySilence.
// LeastSilence is how long nothing may come of any stream before that is a problem.
const LeastSilence = 5 * time.Second

const (
	silenceEvery  = time.Second // between two looks
	lonelySilence = time.Minute
)

// silence is what is known of when a stream sends.
type silence struct {
	pub   *Publisher // of what follows
	began time.Time  // at the first look; paces are counted from it
	units uint64     // that had come at the newest look that found further ones
	at    time.Time  // of that look
	pace  media.Pace // of those looks
	is    bool
	told  time.Time // since when it was silent, until it sends again; zero: it was not
}

// WatchSilence looks which streams are silent, until the context ends. A stream that
// falls silent is a warning and a problem; that it sends again is said, too.
func (h *Hub) WatchSilence(ctx context.Context) error {
	for pipeline.Sleep(ctx, h.cfg.Clock, silenceEvery, nil) {
		h.lookForSilence(h.cfg.Clock.Now())
	}
	return nil
}

func (h *Hub) lookForSilence(now time.Time) {
	h.mu.Lock()
	all := make([]*stream, 0, len(h.streams))
	for _, s := range h.streams {
		all = append(all, s)
	}
	h.mu.Unlock()
	for _, s := range all {
		s.lookForSilence(now)
	}
}

func (s *stream) lookForSilence(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, units := &s.silence, s.accessUnits.Load()
	if s.pub == nil || s.set == nil {
		q.pub, q.is = nil, false
		return
	}
	first := q.pub != s.pub
	if first {
		*q = silence{pub: s.pub, began: now, at: now, told: q.told, units: q.units}
	}
	if units == q.units {
		s.stillSilent(now)
		return
	}
	if !q.told.IsZero() {
		s.log.Info("the stream sends again", "silent_for", now.Sub(q.told).Round(time.Second))
	}
	if !first {
		q.pace.See(int64(now.Sub(q.at)), int64(now.Sub(q.began)), uint32(time.Second))
	}
	q.units, q.at, q.is, q.told = units, now, false, time.Time{}
}

// stillSilent warns once that is longer than usual. The caller holds s.mu.
func (s *stream) stillSilent(now time.Time) {
	q := &s.silence
	limit := max(LeastSilence, time.Duration(q.pace.Longest()), s.timing().ReadTimeout)
	if !q.pace.Known() {
		limit = max(limit, lonelySilence)
	}
	if q.is || now.Sub(q.at) < limit {
		return
	}
	if q.is = true; q.told.IsZero() {
		q.told = q.at
	}
	p := s.silenceProblem()
	s.log.Warn("the stream is silent", "since", p.Since, "cause", p.Cause, "remedy", p.Remedy)
}

func (s *stream) silenceProblem() pipeline.Problem {
	return pipeline.Problem{
		Problem: "silent", Since: s.silence.at.Round(0), Stream: s.path, Failing: true,
		Cause:  "its publisher is connected, and sends nothing",
		Remedy: "see that the camera or encoder runs, and the network between; after read_timeout its connection is closed, so that it can come again",
	}
}
