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

// keep stores an accepted event in the catalogue before the request is answered. Without this row a
// kill of the process could lose the event: the mark in a growing file, and an event that waits for
// its first picture, are in memory only at first.
func (e events) keep(ctx context.Context, stream string, t pipeline.Trigger, taken api.Taken) error {
	ctx = context.WithoutCancel(ctx) // the event is recorded even if the client has gone
	err := e.recordings.catalogue.PutEvents(ctx, media.Recording{Stream: stream}, takenEvent(t, taken.Pipelines))
	switch {
	case err == nil:
		return nil
	case errors.Is(err, metadata.ErrNotDurable), errors.Is(err, metadata.ErrJournalFull):
		e.log.Error("the event is recorded, but could not be stored: a crash now would lose it", "stream", stream, "event", media.ID(t.ID), "error", err)
		return &api.Error{
			Code: http.StatusServiceUnavailable, Retry: time.Second,
			Text: "the event is recorded, but its row could not be stored, and a crash would lose it: " + shownCause(err) + "; try again with the same key",
		}
	}
	return known(err)
}

// shownCause returns the reason why the journal refuses changes, as a client may see it: without the
// paths of this machine.
func shownCause(err error) string {
	if errors.Is(err, metadata.ErrJournalFull) {
		return metadata.ErrJournalFull.Error()
	}
	return metadata.ErrNotDurable.Error()
}

// takenEvent returns the event of a trigger. The event lasts from the earliest start to the latest end in
// done, the responses of the pipelines, and includes the time of the trigger.
func takenEvent(t pipeline.Trigger, done []pipeline.Triggered) media.Event {
	ev := media.Event{ID: t.ID, Key: t.Key, Name: t.Name, Data: t.Data, AtUTC: t.At.UnixNano(), Protect: protects(t, done)}
	ev.StartUTC, ev.EndUTC = ev.AtUTC, ev.AtUTC
	for _, d := range done {
		if !d.Requested.IsZero() { // zero: the pipeline whose setting gives the start does not run yet
			ev.StartUTC = min(ev.StartUTC, d.Requested.UnixNano())
		}
		if !d.Until.IsZero() {
			ev.EndUTC = max(ev.EndUTC, d.Until.UnixNano())
		}
		if at := d.Actual.UnixNano(); !d.Actual.IsZero() && (ev.ActualUTC == 0 || at < ev.ActualUTC) {
			ev.ActualUTC = at
		}
	}
	ev.EndUTC = max(ev.EndUTC, ev.StartUTC+1)
	return ev
}

// protects reports whether an event protects its recordings from deletion. The trigger t may demand or forbid
// it. If t does neither, the event protects its recordings if the responses done show that it is only marked
// in continuous recordings: see onlyMarked.
func protects(t pipeline.Trigger, done []pipeline.Triggered) bool {
	if t.Protect != pipeline.ProtectByRule {
		return t.Protect == pipeline.ProtectOn
	}
	return onlyMarked(done)
}
