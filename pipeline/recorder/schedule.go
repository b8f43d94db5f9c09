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

// Schedule begins and ends the recordings of an Agenda. It evaluates the agenda again and again, and does not
// depend on a certain moment: if a window began before the process, its rest is recorded, and a step of the
// clock takes effect at the next evaluation.
//
// While the clock is certainly wrong, the present window is unknown. Then each stream that has a window at some
// time is recorded, unless a client stopped it, because too much footage is better than too little.
type Schedule struct {
	recorder *Recorder
	clock    pipeline.Clock
	wall     *wallclock.Judge // judges the clock; nil means that the clock counts as right
	log      *slog.Logger
	// trigger triggers the event of an agenda's entry; nil if no entry has the action TriggerEvent.
	trigger func(ScheduleJob) error

	mu     sync.Mutex // guards agenda, asked and failed
	agenda Agenda
	asked  time.Time // time of the last call of fire; zero before the first
	// Text of the last error by stream, for streams that should be recorded and are not.
	failed map[string]string
	wake   chan struct{} // has a value if the agenda changed since the last evaluation
}

// maxAsk is the longest time between two evaluations, and so the longest delay until a step of the clock takes
// effect.
const maxAsk = 10 * time.Second

// NewSchedule returns a schedule with an empty agenda. If wall is nil, the clock counts as right. trigger
// triggers the event of an entry with the action TriggerEvent; it may be nil if no agenda has such an entry.
func NewSchedule(r *Recorder, clock pipeline.Clock, wall *wallclock.Judge, log *slog.Logger, trigger func(ScheduleJob) error) *Schedule {
	return &Schedule{
		recorder: r, clock: clock, wall: wall, log: log, trigger: trigger,
		failed: map[string]string{}, wake: make(chan struct{}, 1),
	}
}

// Set replaces the agenda, and wakes Run to evaluate it. A recording continues if the new agenda has a window
// for it, too.
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

// Agenda returns the agenda that Set was called with last.
func (s *Schedule) Agenda() Agenda {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agenda
}

// Run evaluates the agenda again and again until ctx ends. The recordings continue after Run.
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

// Apply evaluates the agenda once: it begins and ends recordings and triggers events. It returns the time after
// which the next evaluation is due.
func (s *Schedule) Apply() time.Duration {
	a, now, wrong := s.Agenda(), wallNow(s.clock), s.wrongClock()
	if wrong == nil {
		s.recorder.stopsUpTo(now)
	}
	of := a.byStream()
	for _, stream := range s.recorder.scheduled() {
		if of[stream] == nil {
			s.recorder.unschedule(stream) // the agenda has no entries of this stream any more
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

// wrongClock returns the reading of a clock that is certainly wrong, else nil.
func (s *Schedule) wrongClock() *wallclock.Reading {
	if s.wall == nil {
		return nil
	}
	if r := s.wall.Read(); r.State == wallclock.Wrong {
		return &r
	}
	return nil
}

// window returns the window of the schedule that is open for a stream, and false if no window is. a has the
// agenda's entries of the stream. wrong is the reading of the clock if the clock is wrong, else nil. With a
// wrong clock, the open window is unknown: window then returns true if the stream has an entry that starts
// recordings and no client's stop holds (see stopHolds), and the Window has only the name of that entry.
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

// stopHolds reports whether a client's stop of a stream still holds while the clock is wrong. stopped is the
// time of the stop, or zero. wrong is the reading of the clock. The stop holds if it was made in this process:
// between its start and now, both by the wrong clock. It also holds if windows are open at the best estimate of
// the time, Reading.Best, and all of them began at or before the stop.
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

// wallNow returns the clock's time without its monotonic reading, so that comparisons use the wall clock.
func wallNow(c pipeline.Clock) time.Time { return c.Now().Round(0) }

// note stores err, the result of Recorder.schedule for a stream, and logs it unless the previous error of the
// stream had the same text. If err is nil, it forgets the previous error.
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

// lateEvent is the longest delay with which an event is triggered. fire skips an event that is later, because
// the machine slept or the clock was set forward.
const lateEvent = time.Minute

// fire triggers the events of the agenda whose time came after the previous call of fire, up to now. The first
// call triggers none. Of several missed times of an entry, only the last counts.
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

// StreamSchedule is the present state of the schedule for one stream.
type StreamSchedule struct {
	Stream  string
	Record  bool      // the stream should be recorded now
	Job     string    // name of the agenda's entry that began the present window; empty if there is no window
	Since   time.Time // begin of the present window
	Until   time.Time // end of the recording; zero if it is unknown, or if the recording does not end
	Stopped time.Time // time at which a client stopped the recording of the present window; zero if none did
	Error   string    // why the stream is not recorded although it should be; else empty

	ClockWrong bool // the clock is wrong, so the present window is unknown
}

// Streams returns the present state of the schedule for each stream of the agenda, sorted by path.
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

// Upcoming returns the next firings of the agenda, in order of time, at most n.
func (s *Schedule) Upcoming(n int) []Firing { return s.Agenda().Upcoming(wallNow(s.clock), n) }
