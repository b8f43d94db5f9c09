package main

import (
	"context"
	"errors"
	"path/filepath"
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
}

// Trigger records an event. What of its time lies in finished recordings is
// marked there, in the catalogue: where a continuous recording holds the rest of
// it, and where memory does not reach back so far.
func (e events) Trigger(ctx context.Context, stream string, t pipeline.Trigger) ([]pipeline.Triggered, error) {
	done, err := e.recorder.Trigger(stream, t)
	switch {
	case err == nil && done[0].Status == pipeline.EventMarked:
		_, err = e.markFootage(ctx, stream, t, done[0].Requested, done[0].Until)
		return done, err
	case !pastReach(err):
		return done, err
	}
	marked, ferr := e.markFootage(ctx, stream, t, t.At.Add(-orElse(t.Before, e.before)), t.At.Add(orElse(t.After, e.after)))
	switch {
	case ferr != nil:
		return nil, ferr
	case len(marked) > 0:
		return marked[:1], nil
	case errors.Is(err, pipeline.ErrUnknownStream), errors.Is(err, pipeline.ErrNoEvents):
		return nil, api.NotFound("%v", err)
	}
	return nil, api.Conflict("%v", err)
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

// markFootage names an event in the finished recordings of its time, oldest
// first, and protects them unless the trigger says not to. Their files carry the
// protection; the event is in the catalogue alone.
func (e events) markFootage(ctx context.Context, stream string, t pipeline.Trigger, from, to time.Time) (marked []pipeline.Triggered, err error) {
	page, err := e.library.catalogue.Records(ctx, metadata.Query{Stream: stream, Start: from, End: to, Ascending: true, Limit: metadata.MaxLimit})
	if err != nil {
		return nil, known(err)
	}
	ev := media.Event{
		ID: t.ID, Key: t.Key, Name: t.Name, Data: t.Data, Protect: t.Protect != pipeline.ProtectOff,
		At: t.At.UnixNano(), Start: from.UnixNano(), End: to.UnixNano(),
	}
	for _, r := range page.Records {
		if r.State != media.StateFinished && r.State != media.StateRecovered {
			continue // what grows has its mark from the recorder
		}
		r.Events = media.JoinEvent(r.Events, ev)
		if err := e.library.catalogue.Put(ctx, r.Recording); err != nil {
			return nil, err
		}
		if ev.Protect && !r.Protected {
			if _, err := e.library.SetProtected(ctx, r.ID, true); err != nil {
				return nil, err
			}
		}
		marked = append(marked, pipeline.Triggered{
			Pipeline: r.Pipeline, Status: pipeline.EventMarked, Requested: from, Until: to, Actual: time.Unix(0, max(r.StartUTC, from.UnixNano())),
		})
	}
	return marked, nil
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
