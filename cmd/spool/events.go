package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/sinks/metadata"
)

// events is the recorder and the catalogue as the API wants them for events.
type events struct {
	recorder  *pipeline.Recorder
	catalogue *metadata.Catalogue
}

func (e events) Trigger(_ context.Context, stream string, t pipeline.Trigger) ([]pipeline.Triggered, error) {
	done, err := e.recorder.Trigger(stream, t)
	switch {
	case errors.Is(err, pipeline.ErrUnknownStream), errors.Is(err, pipeline.ErrNoEvents):
		return nil, api.NotFound("%v", err)
	case errors.Is(err, pipeline.ErrNothing), errors.Is(err, pipeline.ErrPast):
		return nil, api.Conflict("%v", err)
	}
	return done, err
}

func (e events) Events(ctx context.Context, q api.EventQuery) (api.EventPage, error) {
	stream := q.Stream
	if q.Prefix {
		stream = filepath.ToSlash(filepath.Join(stream, "*"))
	}
	page, err := e.catalogue.Events(ctx, metadata.EventQuery{
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
