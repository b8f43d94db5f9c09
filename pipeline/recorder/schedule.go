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

// Schedule keeps the recordings of a Recorder as an Agenda wants them. It asks
// "should it record now?" again and again, and relies on no moment being met: a
// window that began before the process did is recorded for the rest of it, and
// a step of the clock is seen at the next question.
//
// While the clock is plainly wrong no window can be told from the time between two:
// every stream that has one is recorded then, unless it was stopped by hand. Rather
// too much than nothing.
type Schedule struct {
	recorder *Recorder
	clock    pipeline.Clock
	wall     *wallclock.Judge // nil: the clock is always believed
	log      *slog.Logger
	trigger  func(ScheduleJob) error // of an event; nil: no job has that action

	mu     sync.Mutex // guards agenda, asked and failed
	agenda Agenda
	asked  time.Time // when events were looked for last
	failed map[string]string
	wake   chan struct{}
}

// maxAsk is the longest time between two questions: as late a step of the clock
// may be noticed.
const maxAsk = 10 * time.Second

// NewSchedule makes a schedule without jobs. A nil wall believes the clock.
func NewSchedule(r *Recorder, clock pipeline.Clock, wall *wallclock.Judge, log *slog.Logger, trigger func(ScheduleJob) error) *Schedule {
	return &Schedule{
		recorder: r, clock: clock, wall: wall, log: log, trigger: trigger,
		failed: map[string]string{}, wake: make(chan struct{}, 1),
	}
}

// Set replaces the jobs. What they record goes on where the new ones want it.
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

// Agenda is the jobs.
func (s *Schedule) Agenda() Agenda {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agenda
}

// Run asks until the context ends. It leaves the recordings as they are.
func (s *Schedule) Run(ctx context.Context) error {
	for {
		c, stop := s.clock.After(s.Ask())
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

// Ask begins and ends recordings as they are wanted at this moment. It returns how long
// the answer holds at most.
func (s *Schedule) Ask() time.Duration {
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

// wrongClock is the reading of a clock that is plainly wrong; else nil.
func (s *Schedule) wrongClock() *wallclock.Reading {
	if s.wall == nil {
		return nil
	}
	if r := s.wall.Read(); r.State == wallclock.Wrong {
		return &r
	}
	return nil
}

// window is the window in which a stream is, or any where the clock is wrong.
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

// stopHolds reports whether a stop by hand is of now although the clock is wrong: it
// was made by this clock, or in the window that is at the best guess of the time.
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

// wallNow is the wall clock alone: of two moments the clock says which is later,
// not the time that has passed.
func wallNow(c pipeline.Clock) time.Time { return c.Now().Round(0) }

// note logs what keeps a stream from being recorded, once.
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

// lateEvent is how late an event may be raised: one that a sleep or a step of
// the clock jumped over long ago is left out.
const lateEvent = time.Minute

// fire raises the events since the last question. An event is a moment and not
// an interval: what fell into a restart is left out.
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

// StreamSchedule tells what the schedule wants of one stream now.
type StreamSchedule struct {
	Stream  string
	Record  bool      // it is to be recorded now
	Job     string    // because of this one, where Record is set
	Since   time.Time // begin of that window
	Until   time.Time // end of the recording; zero: not known
	Stopped time.Time // it was stopped by hand in the window that is now; else zero
	Error   string    // why it is not recorded although it is to be

	ClockWrong bool // which window is now is not known
}

// Streams describes every stream that has jobs: whether it is to be recorded now, and why.
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

// Upcoming are the next firings, at most n.
func (s *Schedule) Upcoming(n int) []Firing { return s.Agenda().Upcoming(wallNow(s.clock), n) }
