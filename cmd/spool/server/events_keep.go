package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
)

// keep puts an event that was taken into the catalogue by itself, before that is
// answered. The mark that a recording has of it is in memory until the disk has it,
// and so is an event that waits for its first picture: a kill takes both.
func (e events) keep(ctx context.Context, stream string, t pipeline.Trigger, taken api.Taken) error {
	ctx = context.WithoutCancel(ctx) // it is recorded, whether its caller waits or not
	err := e.recordings.catalogue.PutEvents(ctx, media.Recording{Stream: stream}, takenEvent(t, taken.Pipelines))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, metadata.ErrNotDurable), errors.Is(err, metadata.ErrJournalFull):
		e.log.Error("an event is recorded and could not be kept: a crash now would lose it", "stream", stream, "event", media.ID(t.ID), "error", err)
		return &api.Error{
			Code: http.StatusServiceUnavailable, Retry: time.Second,
			Text: "the event is recorded, but its row could not be stored, so that a crash would lose it: " + shownCause(err) + "; try again with the same key",
		}
	}
	return known(err)
}

// shownCause is why the journal takes nothing, without the paths of this machine.
func shownCause(err error) string {
	if errors.Is(err, metadata.ErrJournalFull) {
		return metadata.ErrJournalFull.Error()
	}
	return metadata.ErrNotDurable.Error()
}

// takenEvent is the event that a trigger asked for, as the pipelines took it.
func takenEvent(t pipeline.Trigger, done []pipeline.Triggered) media.Event {
	ev := media.Event{ID: t.ID, Key: t.Key, Name: t.Name, Data: t.Data, At: t.At.UnixNano(), Protect: protects(t, done)}
	ev.Start, ev.End = ev.At, ev.At
	for _, d := range done {
		if !d.Requested.IsZero() { // else the pipeline's own setting, which nothing runs with yet
			ev.Start = min(ev.Start, d.Requested.UnixNano())
		}
		if !d.Until.IsZero() {
			ev.End = max(ev.End, d.Until.UnixNano())
		}
		if at := d.Actual.UnixNano(); !d.Actual.IsZero() && (ev.Actual == 0 || at < ev.Actual) {
			ev.Actual = at
		}
	}
	ev.End = max(ev.End, ev.Start+1)
	return ev
}

// protects tells whether an event keeps files from deletion: the marks of a continuous
// recording do where the trigger leaves it open.
func protects(t pipeline.Trigger, done []pipeline.Triggered) bool {
	if t.Protect != pipeline.ProtectByRule {
		return t.Protect == pipeline.ProtectOn
	}
	return onlyMarked(done)
}
