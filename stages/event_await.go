package stages

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// awaiting holds the events of a stream that has no key frame yet. A camera that wakes up for an
// event starts to publish only after the trigger.
type awaiting struct {
	list []awaited
	late uint64 // number of events whose deadline passed before a key frame came
}

type awaited struct {
	media.Event
	longestNS int64     // longest duration of a file of the event; 0: no limit
	until     time.Time // deadline of the first key frame
}

// add makes an event wait until t.WaitUntil, or extends the waiting event with the same ID. It
// returns ErrNothing if t.WaitUntil is zero or has passed, ErrPast if the event has ended, and
// ErrWaiting if media.MaxEvents events wait.
func (a *awaiting) add(e media.Event, t *pipeline.Trigger, clock pipeline.Clock) error {
	if t.WaitUntil.IsZero() {
		return pipeline.ErrNothing
	}
	now := clock.Now()
	a.expire(now)
	switch {
	case !t.WaitUntil.After(now):
		return pipeline.ErrNothing
	case e.EndUTC <= now.UnixNano():
		return pipeline.ErrPast
	}
	for i := range a.list {
		if w := &a.list[i]; w.ID == e.ID {
			w.Event, w.until = w.Join(e), later(w.until, t.WaitUntil)
			return nil
		}
	}
	if len(a.list) >= media.MaxEvents {
		return pipeline.ErrWaiting
	}
	a.list = append(a.list, awaited{e, int64(t.Max), t.WaitUntil})
	return nil
}

// begin returns the waiting events, and removes them from a; the caller records them from the
// stream's first key frame on. utc is the time of that key frame, in ns. If an event ended before
// utc, begin moves its end: the interval after the trigger then counts from utc.
func (a *awaiting) begin(utc int64, clock pipeline.Clock) (events []awaited) {
	a.expire(clock.Now())
	for _, w := range a.list {
		if w.EndUTC <= utc {
			w.EndUTC = utc + w.EndUTC - w.AtUTC
		}
		events = append(events, w)
	}
	a.list = nil
	return events
}

// step adds by, the ns by which the wall clock was set, to the times of the events.
func (a *awaiting) step(by int64) {
	for i := range a.list {
		e := &a.list[i].Event
		e.AtUTC, e.StartUTC, e.EndUTC = e.AtUTC+by, e.StartUTC+by, e.EndUTC+by
	}
}

// expire removes the events whose deadline has passed, and counts them in late.
func (a *awaiting) expire(now time.Time) {
	a.list = slices.DeleteFunc(a.list, func(w awaited) bool {
		over := now.After(w.until)
		if over {
			a.late++
		}
		return over
	})
}

// awaitedLeft holds the waiting events that a run leaves to the next run.
type awaitedLeft struct {
	list []awaited
	wall wallClock // clock to which the times of the events refer
	log  *slog.Logger
}

// Close logs the events: no run follows, so they are not recorded. It implements the interface of
// Handover.Leave.
func (l awaitedLeft) Close() {
	for i := range l.list {
		e := &l.list[i]
		l.log.Warn("an event is not recorded: the recording ended before its first picture", "event", e.ID, "name", e.Name, "key", e.Key)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// report adds a warning if events were removed because no key frame came before their deadline.
func (a *awaiting) report(out *pipeline.Report, clock pipeline.Clock) {
	late := a.late
	for _, w := range a.list {
		if clock.Now().After(w.until) {
			late++
		}
	}
	if late > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d events are not recorded: the first picture of the stream came too late; let the trigger wait longer", late))
	}
}
