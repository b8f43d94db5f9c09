package hub

import (
	"context"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// A live stream is silent when its publisher is connected and sends nothing for longer than
// LeastSilence, and for longer than its usual pace. A stream without a pace yet, because it has
// sent only once, is silent after lonelySilence.
//
// LeastSilence is the shortest silence of any stream that is a problem.
const LeastSilence = 5 * time.Second

const (
	silenceCheckEvery  = time.Second // between two checks
	silenceWithoutPace = time.Minute
)

// silence tracks when a stream sends.
type silence struct {
	pub   *Publisher // the publisher that the fields below concern
	began time.Time  // first check; the pace is counted from it
	units uint64     // number of access units at the newest check that found further ones
	at    time.Time  // time of that check
	pace  media.Pace // of the checks that found further units
	is    bool
	told  time.Time // begin of the silence, until the stream sends again; zero: it was not silent
}

// WatchSilence checks for silent streams until the context ends. It logs a warning and sets a
// problem when a stream falls silent, and logs when the stream sends again.
func (h *Hub) WatchSilence(ctx context.Context) error {
	for pipeline.Sleep(ctx, h.cfg.Clock, silenceCheckEvery, nil) {
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

// stillSilent sets the problem once the silence exceeds the limit. The caller holds s.mu.
func (s *stream) stillSilent(now time.Time) {
	q := &s.silence
	limit := max(LeastSilence, time.Duration(q.pace.Longest()), s.timing().ReadTimeout)
	if !q.pace.Known() {
		limit = max(limit, silenceWithoutPace)
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
		Cause:  "its publisher is connected but sends nothing",
		Remedy: "check the camera or encoder, and the network; spool closes the connection after read_timeout, so that the publisher can reconnect",
	}
}
