package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
)

// markFootage names an event in the finished recordings of its time, oldest
// first, and protects them unless the trigger says not to. One that cannot be marked
// does not keep the others from it; the first such error is returned. done is what
// the running pipelines have done about it.
func (e events) markFootage(ctx context.Context, stream string, t pipeline.Trigger, from, to time.Time, done []pipeline.Triggered) (marked []pipeline.Triggered, err error) {
	ev := media.Event{
		ID: t.ID, Key: t.Key, Name: t.Name, Data: t.Data, Protect: t.Protect != pipeline.ProtectOff,
		At: t.At.UnixNano(), Start: from.UnixNano(), End: max(to.UnixNano(), from.UnixNano()+1),
	}
	records, err := e.footage(ctx, stream, &ev, done)
	var node string // of another recorder that has some of it
	for _, r := range records {
		if e.library.elsewhere(r) {
			node = r.Node
			continue
		}
		if r.State != media.StateFinished && r.State != media.StateRecovered {
			continue // what grows has its mark from the recorder
		}
		if failed := e.markFile(ctx, r.ID, ev); failed != nil {
			if err == nil {
				err = failed
			}
			continue
		}
		marked = append(marked, pipeline.Triggered{
			Pipeline: r.Pipeline, Status: pipeline.EventMarked, Requested: from, Until: to, Actual: time.Unix(0, max(r.StartUTC, from.UnixNano())),
		})
	}
	if len(marked)+len(done) == 0 && err == nil && node != "" {
		err = api.RecordedBy(node)
	}
	return marked, err
}

// markFile names an event in a finished recording, and protects it if the event
// says so.
func (e events) markFile(ctx context.Context, recording media.ID, ev media.Event) error {
	r, err := e.name(ctx, recording, ev)
	if err != nil || !ev.Protect || r.Protected {
		return err
	}
	_, err = e.library.SetProtected(ctx, recording, true)
	return err
}

// name puts an event into the catalogue and then into the recording's file, one
// event at a time. The order is what makes it safe: a power cut may tear what the
// file names while it is written. With a file that cannot take the event, or has no
// room left, the catalogue alone has it.
func (e events) name(ctx context.Context, recording media.ID, ev media.Event) (metadata.Record, error) {
	l := e.library
	l.deleting.Lock()
	defer l.deleting.Unlock()
	r, err := l.own(ctx, recording) // again: it may be gone, or name another event by now
	if err != nil {
		return r, err
	}
	var other *api.Error
	if err := l.verify(r.Path, recording); errors.As(err, &other) {
		return r, err
	}
	r.Events = media.JoinEvent(r.Events, ev)
	if !slices.ContainsFunc(r.Events, func(of media.Event) bool { return of.ID == ev.ID }) {
		return r, api.Conflict("recording %s names %d events, as many as it may: this one is not listed there", recording, len(r.Events))
	}
	if err := l.catalogue.Put(ctx, r.Recording); err != nil {
		return r, err
	}
	if err := mp4.AddEvents(l.file(r.Path), recording, r.Events); err != nil {
		e.log.Warn("an event is in the catalogue alone: spool reindex of an empty database will not find it", "file", r.Path, "event", ev.ID, "error", err)
	}
	return r, nil
}

// markPatience is how long the mark of a file that ends at this moment is waited
// for.
const markPatience = 2 * time.Second

// footage lists the recordings of an event's time, once the files that ended before
// the recorder's mark got there are finished: they do not have it. Beside an error
// it gives what it found.
func (e events) footage(ctx context.Context, stream string, ev *media.Event, done []pipeline.Triggered) ([]metadata.Record, error) {
	patience := time.NewTimer(markPatience)
	defer patience.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		records, err := e.overlapping(ctx, stream, ev)
		if err != nil || e.settled(records, ev, done) {
			return records, err
		}
		select {
		case <-again.C:
		case <-patience.C:
			return records, errors.New("a file is not finished yet, or the one that grows has not got the mark: the disk is slow")
		case <-ctx.Done():
			return records, context.Cause(ctx)
		}
	}
}

// overlapping lists the recordings of an event's time, of other recorders too.
func (e events) overlapping(ctx context.Context, stream string, ev *media.Event) (all []metadata.Record, err error) {
	q := metadata.Query{Stream: stream, Start: time.Unix(0, ev.Start), End: time.Unix(0, ev.End), Ascending: true, Limit: metadata.MaxLimit}
	for {
		page, err := e.library.catalogue.Records(ctx, q)
		if err != nil {
			return all, known(err)
		}
		all = append(all, page.Records...)
		switch {
		case page.Degraded:
			return all, api.Unavailable("the catalogue's database does not answer: older footage is not marked; try again")
		case page.Next == "":
			return all, nil
		}
		q.Cursor = page.Next
	}
}

// settled tells whether the files of an event's time are finished or name it, of
// those of the pipelines that took it, or of all where none did. A file of a life
// before this one is not waited for, though it may never have been finished.
func (e events) settled(records []metadata.Record, ev *media.Event, done []pipeline.Triggered) bool {
	there := len(done) == 0
	for _, r := range records {
		took := slices.ContainsFunc(done, func(d pipeline.Triggered) bool { return d.Pipeline == r.Pipeline })
		named := slices.ContainsFunc(r.Events, func(of media.Event) bool { return of.ID == ev.ID })
		if e.library.elsewhere(r) && !named {
			continue
		}
		growing := r.State == media.StateRecording && bytes.Compare(r.ID[:6], e.since[:6]) >= 0
		switch {
		case growing && (took || len(done) == 0) && !named && len(r.Events) < media.MaxEvents:
			return false
		case took:
			there = there || named || !growing && r.EndUTC >= ev.End
		}
	}
	return there
}
