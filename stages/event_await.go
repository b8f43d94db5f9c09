package stages

import (
	"fmt"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// awaiting holds the events of a stream that has no key frame yet: a camera that wakes on an event
// starts to publish after the trigger.
type awaiting struct {
	list []awaited
	late uint64 // events whose deadline passed before a key frame came
}

type awaited struct {
	media.Event
	longestNS int64     // ns, longest file; 0 is no limit
	until     time.Time // deadline for the first key frame
}

// add makes an event wait as long as its trigger allows. The error is the reason why it can't wait.
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

// begin takes the time of the first key frame, in ns of the wall clock, and returns the events that
// the recording from that key frame on belongs to. The time that an event asks for after its
// trigger counts from that key frame when the key frame comes after the event's end.
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

// step shifts the times when the wall clock was set, so that each event keeps its age.
func (a *awaiting) step(by int64) {
	for i := range a.list {
		e := &a.list[i].Event
		e.AtUTC, e.StartUTC, e.EndUTC = e.AtUTC+by, e.StartUTC+by, e.EndUTC+by
	}
}

// expire removes and counts the events whose deadline has passed.
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

// report warns of events that expired before a key frame came.
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
