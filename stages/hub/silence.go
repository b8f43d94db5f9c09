package hub

import (
	"context"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// LeastSilence is the shortest silence that is a problem of a stream.
//
// A live stream is silent when its publisher is connected and has sent nothing for LeastSilence,
// for the stream's ReadTimeout, and for the longest usual distance between two access units. A
// publisher that has sent only once has no usual distance yet, and is not silent before
// silenceWithoutPace.
const LeastSilence = 5 * time.Second

const (
	silenceCheckEvery  = time.Second // interval between two checks
	silenceWithoutPace = time.Minute
)

// silence holds the results of the checks of one stream by Hub.WatchSilence.
type silence struct {
	pub   *Publisher // publisher to which the other fields refer
	began time.Time  // time of the first check, from which on the pace is measured
	units uint64     // access units of the stream at the newest check that found new ones
	at    time.Time  // time of that check, or of the first check
	pace  media.Pace // distances between the checks that found new access units
	is    bool       // the publisher is silent
	told  time.Time  // begin of a logged silence, until the stream sends again; else zero
}

// WatchSilence checks all streams once a second until ctx ends. When a stream falls silent,
// WatchSilence logs a warning and sets a problem of the stream. When the stream sends again,
// WatchSilence logs that and removes the problem.
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

// stillSilent handles a check that found no new access units. When the silence reaches the limit
// that LeastSilence describes, stillSilent sets the problem and logs it, once for each silence. The
// caller holds s.mu.
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
