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
)

// markFootage names an event in the finished recordings of its time, oldest
// first, and protects them unless the trigger says not to. Their files carry the
// protection; the event is in the catalogue alone. done is what the running
// pipelines have done about it.
func (e events) markFootage(ctx context.Context, stream string, t pipeline.Trigger, from, to time.Time, done []pipeline.Triggered) (marked []pipeline.Triggered, err error) {
	ev := media.Event{
		ID: t.ID, Key: t.Key, Name: t.Name, Data: t.Data, Protect: t.Protect != pipeline.ProtectOff,
		At: t.At.UnixNano(), Start: from.UnixNano(), End: max(to.UnixNano(), from.UnixNano()+1),
	}
	records, err := e.footage(ctx, stream, &ev, done)
	for _, r := range records {
		if r.State != media.StateFinished && r.State != media.StateRecovered {
			continue // what grows has its mark from the recorder
		}
		if err := e.markFile(ctx, r, ev); err != nil {
			return marked, err
		}
		marked = append(marked, pipeline.Triggered{
			Pipeline: r.Pipeline, Status: pipeline.EventMarked, Requested: from, Until: to, Actual: time.Unix(0, max(r.StartUTC, from.UnixNano())),
		})
	}
	return marked, err
}

func (e events) markFile(ctx context.Context, r metadata.Record, ev media.Event) error {
	r.Events = media.JoinEvent(r.Events, ev)
	if err := e.library.catalogue.Put(ctx, r.Recording); err != nil {
		return err
	}
	if !ev.Protect || r.Protected {
		return nil
	}
	_, err := e.library.SetProtected(ctx, r.ID, true)
	return err
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
