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

// events records and lists events with the recorder and the catalogue; it implements api.Events.
type events struct {
	recorder      *recorder.Recorder
	recordings    recordings
	before, after time.Duration // media before and after an event for which neither trigger nor pipeline sets them
	clock         pipeline.Clock
	log           *slog.Logger

	maxBefore  time.Duration // setting events.max_before; 0: no limit
	wait       time.Duration // setting events.wait: how long a trigger waits for the first picture; 0: not at all
	protection *media.Protection
}

// Trigger records an event of a stream: see api.Events. The running pipelines record the media that they have
// in memory and the media to come. Earlier media of the event is in finished recordings, in which Trigger
// marks the event.
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

// errStuck is the error of an event that was marked only in a recording which cannot write now.
var errStuck = errors.New("the running recording cannot write")

// stuck returns the reason why no recording of a stream can write now, or "" if one can or no job exists. A
// pipeline of mode event counts as able to write unless its job has failed: its ring holds the media until the
// disk accepts files.
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

// remedy returns the remedy of the first problem in a report that keeps the recording from writing. Without
// such a problem it returns the report's last error.
func remedy(r pipeline.Report) string {
	for _, p := range r.Problems {
		if p.Failing {
			return p.Remedy
		}
	}
	return r.LastError
}

// onlyMarked reports whether every pipeline whose response is in done has marked the event in its continuous
// recording, so that none of them makes a file for the event.
func onlyMarked(done []pipeline.Triggered) bool {
	return !slices.ContainsFunc(done, func(d pipeline.Triggered) bool { return d.Status != pipeline.EventMarked })
}

// bound fills in the defaults of a trigger and reduces t.Before to the setting events.max_before. It
// returns a text for each value that it has reduced.
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

// taken completes an event that running pipelines have accepted; done holds their responses. It returns the
// recordings that have media of the event, and marks the event in those that are finished. It marks none if
// the files that the pipelines have begun for the event hold all of its media. It only returns done if a
// pipeline still waits for the first media of the event, or if no pipeline stores rows. If a pipeline records
// a file for the event, files are protected only if the trigger demands it.
func (e events) taken(ctx context.Context, stream string, t pipeline.Trigger, done []pipeline.Triggered) api.Taken {
	out := api.Taken{Pipelines: done}
	whole, rows := true, false
	from, to := done[0].Requested, done[0].Until
	for _, d := range done {
		if d.Status == pipeline.EventWaiting {
			return out // no media of the event exists yet
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

// pastEvent handles an event that no running pipeline has accepted; why is the error of the pipelines. If it
// means that they have no media of the event's time (see pastReach), pastEvent marks the event in the
// finished recordings of that time. It returns an error for the client in any other case, and if it can mark
// no recording.
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

// ends returns the text that tells a client that the media of its event ends at end, before the requested time
// until. If until is in the future, the text also says why the rest is not recorded: because the recording
// cannot write (see stuck), or else because of why, the error of the running pipelines.
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

// pastReach reports whether the error of a trigger means that the running pipelines have no media of
// the event's time, so that finished recordings may have some.
func pastReach(err error) bool {
	for _, e := range []error{recorder.ErrUnknownStream, pipeline.ErrNoEvents, pipeline.ErrNothing, pipeline.ErrPast, pipeline.ErrNotCovered, errStuck} {
		if errors.Is(err, e) {
			return true
		}
	}
	var held *recorder.HeldError
	return errors.As(err, &held)
}

// orElse returns d, or otherwise if d is negative, which means unset.
func orElse(d, otherwise time.Duration) time.Duration {
	if d < 0 {
		return otherwise
	}
	return d
}

// Events returns a page of events: see api.Events.
func (e events) Events(ctx context.Context, q media.EventQuery) (media.EventPage, error) {
	page, err := e.recordings.catalogue.Events(ctx, q)
	if err != nil {
		return media.EventPage{}, known(err)
	}
	for i := range page.Events {
		f := &page.Events[i]
		// Rows of earlier versions lack ActualUTC. A file begins with a key frame, so the media begins at its
		// start.
		if len(f.Recordings) > 0 && f.ActualUTC == 0 {
			if begin := f.Recordings[0].StartUTC; begin >= f.StartUTC {
				f.ActualUTC = begin
			}
		}
	}
	return page, nil
}
