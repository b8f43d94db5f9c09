package recorder

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/wallclock"
)

// Schedule makes a Recorder record as an Agenda demands. It evaluates the agenda repeatedly and
// does not rely on meeting a moment: a window that began before the process is recorded for its
// rest, and a step of the clock takes effect at the next evaluation.
//
// While the clock is plainly wrong, no window can be recognised: then every stream with a window is
// recorded, unless a request stopped it. Too much footage is better than none.
type Schedule struct {
	recorder *Recorder
	clock    pipeline.Clock
	wall     *wallclock.Judge // nil: the clock is always believed
	log      *slog.Logger
	trigger  func(ScheduleJob) error // raises an event; nil: no job has that action

	mu     sync.Mutex // guards agenda, asked and failed
	agenda Agenda
	asked  time.Time // time of the last evaluation of events
	failed map[string]string
	wake   chan struct{}
}

// maxAsk is the longest time between two evaluations, and so the longest delay until a step of the
// clock takes effect.
const maxAsk = 10 * time.Second

// NewSchedule returns a schedule without jobs. A nil wall believes the clock.
func NewSchedule(r *Recorder, clock pipeline.Clock, wall *wallclock.Judge, log *slog.Logger, trigger func(ScheduleJob) error) *Schedule {
	return &Schedule{
		recorder: r, clock: clock, wall: wall, log: log, trigger: trigger,
		failed: map[string]string{}, wake: make(chan struct{}, 1),
	}
}

// Set replaces the jobs. Recordings that the new jobs demand, too, continue.
func (s *Schedule) Set(a Agenda) {
	of := a.byStream()
	s.mu.Lock()
	s.agenda = a
	maps.DeleteFunc(s.failed, func(stream string, _ string) bool { return of[stream] == nil })
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Agenda returns the jobs.
func (s *Schedule) Agenda() Agenda {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agenda
}

// Run evaluates the agenda until the context ends. It leaves the recordings running.
func (s *Schedule) Run(ctx context.Context) error {
	for {
		c, stop := s.clock.After(s.Apply())
		select {
		case <-c:
		case <-s.wake:
		case <-ctx.Done():
			stop()
			return nil
		}
		stop()
	}
}

// Apply begins and ends recordings as the agenda demands now. It returns the longest time for which
// the result holds.
func (s *Schedule) Apply() time.Duration {
	a, now, wrong := s.Agenda(), wallNow(s.clock), s.wrongClock()
	if wrong == nil {
		s.recorder.stopsUpTo(now)
	}
	of := a.byStream()
	for _, stream := range s.recorder.scheduled() {
		if of[stream] == nil {
			s.recorder.unschedule(stream) // its jobs are gone
		}
	}
	for _, stream := range a.Streams() {
		w, on := s.window(of[stream], stream, now, wrong)
		if !on {
			s.recorder.unschedule(stream)
			continue
		}
		s.note(stream, s.recorder.schedule(stream, w.Start))
	}
	s.fire(a, now)
	wait := maxAsk
	if next := a.Change(now); !next.IsZero() {
		wait = min(wait, next.Sub(now))
	}
	return max(wait, time.Millisecond)
}

// wrongClock returns the reading of a plainly wrong clock; else nil.
func (s *Schedule) wrongClock() *wallclock.Reading {
	if s.wall == nil {
		return nil
	}
	if r := s.wall.Read(); r.State == wallclock.Wrong {
		return &r
	}
	return nil
}

// window returns the present window of a stream, or any window if the clock is wrong.
func (s *Schedule) window(a Agenda, stream string, now time.Time, wrong *wallclock.Reading) (Window, bool) {
	stopped := s.recorder.StoppedAt(stream)
	if wrong == nil {
		return a.At(stream, now, stopped)
	}
	i := slices.IndexFunc(a, func(j ScheduleJob) bool { return j.Stream == stream && j.Action == RecordStart })
	if i < 0 || a.stopHolds(stream, stopped, wrong) {
		return Window{}, false
	}
	return Window{Job: a[i].Name}, true
}

// stopHolds reports whether a stop by request holds although the clock is wrong: it was made by
// this clock, or in the window at the best estimate of the time.
func (a Agenda) stopHolds(stream string, stopped time.Time, wrong *wallclock.Reading) bool {
	if stopped.IsZero() {
		return false
	}
	if !stopped.After(wrong.Now) && !stopped.Before(wrong.Now.Add(-wrong.Steady).Round(0)) {
		return true
	}
	_, in := a.At(stream, wrong.Best, time.Time{})
	_, on := a.At(stream, wrong.Best, stopped)
	return in && !on
}

// wallNow returns the wall clock without monotonic reading: comparisons then use the wall clock.
func wallNow(c pipeline.Clock) time.Time { return c.Now().Round(0) }

// note logs once why a stream is not recorded.
func (s *Schedule) note(stream string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.failed, stream)
		return
	}
	if s.failed[stream] != err.Error() {
		s.failed[stream] = err.Error()
		s.log.Error("a scheduled recording cannot begin", "stream", stream, "error", err)
	}
}

// lateEvent is the longest delay of an event: an event that a sleep or a step of the clock skipped
// longer ago is not raised.
const lateEvent = time.Minute

// fire raises the events since the last evaluation. An event is a moment and not an interval:
// events during a restart are not raised.
func (s *Schedule) fire(a Agenda, now time.Time) {
	s.mu.Lock()
	since := s.asked
	s.asked = now
	s.mu.Unlock()
	if since.IsZero() || now.Before(since) {
		return
	}
	for _, j := range a {
		if j.Action != TriggerEvent {
			continue
		}
		if at := j.Cron.Last(now); !at.After(since) || now.Sub(at) > lateEvent {
			continue
		}
		if err := s.trigger(j); err != nil {
			s.log.Error("a scheduled event was not raised", "job", j.Name, "stream", j.Stream, "error", err)
		}
	}
}

// StreamSchedule is the demand of the schedule for one stream now.
type StreamSchedule struct {
	Stream  string
	Record  bool      // the stream should be recorded now
	Job     string    // the job that demands it, if Record is set
	Since   time.Time // begin of that window
	Until   time.Time // end of the recording; zero: not known
	Stopped time.Time // when a request stopped it in the present window; else zero
	Error   string    // why it is not recorded although it should be

	ClockWrong bool // the present window is unknown
}

// Streams returns, for every stream with jobs, whether it should be recorded now, and the reason.
func (s *Schedule) Streams() (out []StreamSchedule) {
	all, now, wrong := s.Agenda(), wallNow(s.clock), s.wrongClock()
	of := all.byStream()
	for _, stream := range all.Streams() {
		a := of[stream]
		p := StreamSchedule{Stream: stream, ClockWrong: wrong != nil}
		stopped := s.recorder.StoppedAt(stream)
		w, on := s.window(a, stream, now, wrong)
		p.Record = on
		switch {
		case wrong != nil && on:
			p.Job, on = w.Job, false
		case wrong != nil:
			p.Stopped = stopped
		case !on:
			if w, on = a.At(stream, now, time.Time{}); on {
				p.Stopped = stopped
			}
		}
		if on {
			p.Job, p.Since, p.Until = w.Job, w.Start, a.Until(stream, w)
		}
		s.mu.Lock()
		p.Error = s.failed[stream]
		s.mu.Unlock()
		out = append(out, p)
	}
	return out
}

// Upcoming returns the next firings, at most n.
func (s *Schedule) Upcoming(n int) []Firing { return s.Agenda().Upcoming(wallNow(s.clock), n) }
