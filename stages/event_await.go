package stages

import (
	"fmt"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// awaiting are the events of a stream of which no key frame has come yet: a
// camera that wakes because something happens publishes behind the trigger.
type awaiting struct {
	list []awaited
	late uint64 // events that no picture came for in time
}

type awaited struct {
	media.Event
	longest int64     // ns, longest file; 0 is no limit
	until   time.Time // up to then the first key frame may come
}

// add lets an event wait as long as its trigger allows; the error says why it
// does not.
func (a *awaiting) add(e media.Event, t *pipeline.Trigger, clock pipeline.Clock) error {
	if t.WaitUntil.IsZero() {
		return pipeline.ErrNothing
	}
	now := clock.Now()
	a.expire(now)
	switch {
	case !t.WaitUntil.After(now):
		return pipeline.ErrNothing
	case e.End <= now.UnixNano():
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

// begin is told of the first key frame, at a time of the wall clock in ns. It
// gives the events that the recording from there on is of. What an event wants
// from after its trigger counts from that picture where it comes so late.
func (a *awaiting) begin(utc int64, clock pipeline.Clock) (events []awaited) {
	a.expire(clock.Now())
	for _, w := range a.list {
		if w.End <= utc {
			w.End = utc + w.End - w.At
		}
		events = append(events, w)
	}
	a.list = nil
	return events
}

// step moves the times along with a wall clock that was set: an event is as long
// ago as it was.
func (a *awaiting) step(by int64) {
	for i := range a.list {
		e := &a.list[i].Event
		e.At, e.Start, e.End = e.At+by, e.Start+by, e.End+by
	}
}

// expire gives up the events that have waited as long as they may.
func (a *awaiting) expire(now time.Time) {
	a.list = slices.DeleteFunc(a.list, func(w awaited) bool {
		over := now.After(w.until)
		if over {
			a.late++
		}
		return over
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// report tells of events that no picture came for.
func (a *awaiting) report(out *pipeline.Report, clock pipeline.Clock) {
	late := a.late
	for _, w := range a.list {
		if clock.Now().After(w.until) {
			late++
		}
	}
	if late > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d events are not recorded: no picture of the stream came in time; let the trigger wait longer", late))
	}
}
