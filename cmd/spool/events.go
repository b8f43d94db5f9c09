package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
)

// events is the recorder and the catalogue as the API wants them for events.
type events struct {
	recorder      *pipeline.Recorder
	library       library
	before, after time.Duration // of an event that no running pipeline takes
	since         media.ID      // older recordings are of a life before this one
	log           *slog.Logger
}

// Trigger records an event. What of its time lies in finished recordings is
// marked there: where a continuous recording holds the rest of it, and where
// memory does not reach back so far.
func (e events) Trigger(ctx context.Context, stream string, t pipeline.Trigger) ([]pipeline.Triggered, error) {
	done, err := e.recorder.Trigger(stream, t)
	stuck := e.stuck(stream)
	switch {
	case err == nil && stuck != "" && onlyMarked(done):
	case err == nil:
		e.markRest(ctx, stream, t, done)
		return done, nil
	case !pastReach(err):
		return nil, err
	}
	marked, ferr := e.markFootage(ctx, stream, t, t.At.Add(-orElse(t.Before, e.before)), t.At.Add(orElse(t.After, e.after)), nil)
	switch {
	case len(marked) > 0:
		if ferr != nil {
			e.notEverywhere(stream, t, ferr)
		}
		return marked[:1], nil
	case ferr != nil:
		return nil, ferr
	case stuck != "":
		return nil, &api.Error{Code: 503, Retry: time.Second, Text: "the event cannot be recorded: " + stuck}
	case errors.Is(err, pipeline.ErrUnknownStream), errors.Is(err, pipeline.ErrNoEvents):
		return nil, api.NotFound("%v", err)
	}
	return nil, api.Conflict("%v", err)
}

// stuck tells why nothing of a stream is written at the moment; empty where something
// may be. An event pipeline is none of that: its ring holds the clip until the disk
// takes it.
func (e events) stuck(stream string) (why string) {
	for _, j := range e.recorder.Status(stream) {
		switch {
		case j.State == pipeline.JobBackoff:
			why = j.LastError
		case j.Mode == pipeline.Event:
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

// onlyMarked tells whether an event has no recording of its own.
func onlyMarked(done []pipeline.Triggered) bool {
	return !slices.ContainsFunc(done, func(d pipeline.Triggered) bool { return d.Status != pipeline.EventMarked })
}

// markRest marks an event that is recorded in the finished files of its time, if
// the recording under way may not hold all of it. Its own files are no continuous
// recording, and protected only if the trigger says so.
func (e events) markRest(ctx context.Context, stream string, t pipeline.Trigger, done []pipeline.Triggered) {
	whole := true
	from, to := done[0].Requested, done[0].Until
	for _, d := range done {
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
	if whole {
		return
	}
	if _, err := e.markFootage(ctx, stream, t, from, to, done); err != nil {
		e.notEverywhere(stream, t, err)
	}
}

func (e events) notEverywhere(stream string, t pipeline.Trigger, err error) {
	e.log.Warn("an event is recorded, but not marked in every finished file of its time", "stream", stream, "event", media.ID(t.ID), "error", err)
}

// pastReach tells whether the running pipelines have nothing of an event.
func pastReach(err error) bool {
	for _, e := range []error{pipeline.ErrUnknownStream, pipeline.ErrNoEvents, pipeline.ErrNothing, pipeline.ErrPast, pipeline.ErrNotCovered} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d < 0 {
		return otherwise
	}
	return d
}

func (e events) Events(ctx context.Context, q api.EventQuery) (api.EventPage, error) {
	stream := q.Stream
	if q.Prefix {
		stream = filepath.ToSlash(filepath.Join(stream, "*"))
	}
	page, err := e.library.catalogue.Events(ctx, metadata.EventQuery{
		Stream: stream, Start: q.Start, End: q.End, Key: q.Key, Name: q.Name,
		Ascending: !q.Desc, Limit: q.Limit, Cursor: q.Cursor,
	})
	if err != nil {
		return api.EventPage{}, known(err)
	}
	out := api.EventPage{Next: page.Next, Degraded: page.Degraded, Events: make([]api.Event, len(page.Events))}
	for i, f := range page.Events {
		out.Events[i] = api.Event{Event: f.Event, Stream: f.Stream, Node: f.Node}
	}
	return out, nil
}
