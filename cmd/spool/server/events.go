package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
)

// events adapts the recorder and the catalogue to api.Events.
type events struct {
	recorder      *recorder.Recorder
	recordings    recordings
	before, after time.Duration // defaults for an event that no running pipeline takes
	clock         pipeline.Clock
	log           *slog.Logger

	maxBefore, wait time.Duration
	protection      *media.Protection
}

// Trigger records an event. It marks the event in finished recordings where they hold part of
// its time: the time before the growing file of a continuous recording, and the time before the
// oldest media in memory.
func (e events) Trigger(ctx context.Context, stream string, t pipeline.Trigger) (api.Taken, error) {
	limited := e.bound(&t)
	done, err := e.recorder.Trigger(stream, t)
	if err == nil && onlyMarked(done) && e.stuck(stream) != "" {
		err = errStuck
	}
	var taken api.Taken
	if err == nil {
		taken = e.taken(ctx, stream, t, done)
	} else if taken, err = e.pastEvent(ctx, stream, t, err); err != nil {
		return api.Taken{}, err
	}
	if err := e.keep(ctx, stream, t, taken); err != nil {
		return api.Taken{}, err
	}
	taken.Limited = append(limited, taken.Limited...)
	return taken, nil
}

// errStuck reports that the recording in which an event was marked writes nothing.
var errStuck = errors.New("the running recording cannot write")

// stuck returns why no recording of a stream writes at the moment, or "" if one may. An event
// pipeline counts as one that may: its ring holds the clip until the disk accepts it.
func (e events) stuck(stream string) (why string) {
	for _, j := range e.recorder.Status(stream) {
		switch {
		case j.State == recorder.JobBackoff:
			why = j.LastError
		case j.Mode == pipeline.ModeEvent:
			return ""
		case j.Report.Waiting != "disk":
			return ""
		default:
			why = remedy(j.Report)
		}
	}
	return why
}

func remedy(r pipeline.Report) string {
	for _, p := range r.Problems {
		if p.Failing {
			return p.Remedy
		}
	}
	return r.LastError
}

// onlyMarked reports whether no pipeline makes a recording of the event's own.
func onlyMarked(done []pipeline.Triggered) bool {
	return !slices.ContainsFunc(done, func(d pipeline.Triggered) bool { return d.Status != pipeline.EventMarked })
}

// bound fills in a trigger's defaults and reduces it to the limits of requests. It returns a
// text for each reduced value.
func (e events) bound(t *pipeline.Trigger) (limited []string) {
	t.DefaultBefore, t.DefaultAfter = e.before, e.after
	if t.WaitUntil.IsZero() && e.wait > 0 {
		t.WaitUntil = e.clock.Now().Add(e.wait)
	}
	if e.maxBefore > 0 && t.Before > e.maxBefore {
		limited = append(limited, fmt.Sprintf("before: %s requested, limited to %s (events.max_before)", config.Duration(t.Before), config.Duration(e.maxBefore)))
		t.Before = e.maxBefore
	}
	return limited
}

// taken marks an event that pipelines have taken in the finished files of its time, unless the
// running recording holds all of it, and lists the recordings that hold media of it. Files of
// an event pipeline are protected only if the trigger says so.
func (e events) taken(ctx context.Context, stream string, t pipeline.Trigger, done []pipeline.Triggered) api.Taken {
	out := api.Taken{Pipelines: done}
	whole, rows := true, false
	from, to := done[0].Requested, done[0].Until
	for _, d := range done {
		if d.Status == pipeline.EventWaiting {
			return out // no media of it exists yet
		}
		rows = rows || !d.NoRows
		whole = whole && d.Status == pipeline.EventStarted && !d.Actual.After(d.Requested)
		if d.Status != pipeline.EventMarked && t.Protect == pipeline.ProtectByRule {
			t.Protect = pipeline.ProtectOff
		}
		if d.Requested.Before(from) {
			from = d.Requested
		}
		if d.Until.After(to) {
			to = d.Until
		}
	}
	if !rows {
		return out
	}
	f := e.footageOf(stream, t, from, to)
	f.done = done
	f.onlyNamed = whole
	if err := f.mark(ctx); err != nil {
		e.log.Warn("the event is recorded, but could not be marked in every finished file of its time", "stream", stream, "event", media.ID(t.ID), "error", err)
	}
	out.Recordings, out.Limited = f.result()
	return out
}

// pastEvent marks an event in the finished recordings of its time, when the running pipelines
// have no media of it.
func (e events) pastEvent(ctx context.Context, stream string, t pipeline.Trigger, why error) (api.Taken, error) {
	if errors.Is(why, pipeline.ErrWaiting) {
		return api.Taken{}, api.Unavailable("%v", why)
	}
	if !pastReach(why) {
		return api.Taken{}, refusedArming(why)
	}
	until := t.At.Add(orElse(t.After, e.after))
	f := e.footageOf(stream, t, t.At.Add(-orElse(t.Before, e.before)), until)
	ferr := f.mark(ctx)
	if len(f.marked) > 0 {
		if ferr != nil {
			e.log.Warn("the event is marked, but not in every finished file of its time", "stream", stream, "event", media.ID(t.ID), "error", ferr)
		}
		out := api.Taken{Pipelines: f.marked[:1]}
		out.Recordings, out.Limited = f.result()
		if !f.short.IsZero() {
			out.Limited = append(out.Limited, e.ends(stream, f.short, until, why))
		}
		return out, nil
	}
	stuck := e.stuck(stream)
	switch {
	case ferr != nil:
		return api.Taken{}, ferr
	case stuck != "":
		return api.Taken{}, &api.Error{Code: http.StatusServiceUnavailable, Retry: time.Second, Text: "the event cannot be recorded: " + stuck}
	case errors.Is(why, recorder.ErrUnknownStream):
		return api.Taken{}, api.NotFound("%v; wait: 30 in the body waits for it", why)
	case errors.Is(why, pipeline.ErrNoEvents):
		return api.Taken{}, api.NotFound("%v", why)
	}
	if held := refusedByHold(why); held != why {
		return api.Taken{}, held
	}
	return api.Taken{}, api.Conflict("%v", why)
}

// ends says that an event's footage ends before the requested end, and why nothing records the rest of it now.
func (e events) ends(stream string, end, until time.Time, why error) string {
	text := fmt.Sprintf("after: the footage ends at %s, before the requested end %s", end.UTC().Format(time.RFC3339Nano), until.UTC().Format(time.RFC3339Nano))
	if !until.After(e.clock.Now()) {
		return text
	}
	if stuck := e.stuck(stream); stuck != "" {
		return text + ", and the recording cannot write: " + stuck
	}
	return fmt.Sprintf("%s, and the rest is not recorded: %v", text, refusedByHold(why))
}

// pastReach reports whether an error means that the running pipelines have no media of an
// event.
func pastReach(err error) bool {
	for _, e := range []error{recorder.ErrUnknownStream, pipeline.ErrNoEvents, pipeline.ErrNothing, pipeline.ErrPast, pipeline.ErrNotCovered, errStuck} {
		if errors.Is(err, e) {
			return true
		}
	}
	var held *recorder.HeldError
	return errors.As(err, &held)
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d < 0 {
		return otherwise
	}
	return d
}

func (e events) Events(ctx context.Context, q media.EventQuery) (media.EventPage, error) {
	page, err := e.recordings.catalogue.Events(ctx, q)
	if err != nil {
		return media.EventPage{}, known(err)
	}
	for i := range page.Events {
		f := &page.Events[i]
		if len(f.Recordings) > 0 && f.ActualUTC == 0 { // rows of earlier versions lack it: a file begins with a key frame
			if begin := f.Recordings[0].StartUTC; begin >= f.StartUTC {
				f.ActualUTC = begin
			}
		}
	}
	return page, nil
}
