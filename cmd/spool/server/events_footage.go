package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/footage"
)

// eventFootage finds the recordings that have media of one event, and marks the event in them.
type eventFootage struct {
	events
	stream    string
	ev        media.Event
	done      []pipeline.Triggered // responses of the running pipelines
	onlyNamed bool                 // the running pipelines have all media of the event: mark no finished file

	footage.Found
	marked []pipeline.Triggered // one for each finished recording that mark has marked, nearest to the trigger first
	short  time.Time            // where the media of the event ends; zero: not before the requested end
	beyond map[media.ID]bool    // recordings whose media of the event only the catalogue, not the file, can record
}

// footageOf returns the eventFootage of a trigger whose event begins at from and ends at to.
func (e events) footageOf(stream string, t pipeline.Trigger, from, to time.Time) *eventFootage {
	return &eventFootage{events: e, stream: stream, beyond: map[media.ID]bool{}, ev: media.Event{
		ID: t.ID, Key: t.Key, Name: t.Name, Data: t.Data, Protect: t.Protect != pipeline.ProtectOff,
		AtUTC: t.At.UnixNano(), StartUTC: from.UnixNano(), EndUTC: max(to.UnixNano(), from.UnixNano()+1),
	}}
}

// mark finds the recordings of the event's time and adds the event to the finished ones. It begins with the
// recording nearest to the trigger, so that the limits of protection, if the event demands protection, leave
// the farthest ones unprotected. It goes on after a recording that cannot be marked, and returns the first
// such error. With f.onlyNamed it only finds the recordings.
func (f *eventFootage) mark(ctx context.Context) error {
	var took []string
	for _, d := range f.done {
		took = append(took, d.Pipeline)
	}
	var err error
	if f.Found, err = f.recordings.footage.Find(ctx, footage.Search{Stream: f.stream, Event: f.ev, Took: took}); err != nil {
		err = known(err)
	}
	if f.onlyNamed {
		return err
	}
	f.begin()
	until := time.Unix(0, f.ev.EndUTC)
	if len(f.done) == 0 && err == nil && f.shorten() {
		until = f.short
	}
	for _, i := range f.NearestFirst(f.ev.AtUTC) {
		r := &f.Records[i]
		if r.State != media.StateFinished && r.State != media.StateRecovered {
			if f.took(r) && !f.names(r) { // the file has its maximum of events, or the disk is slow
				err = cmp.Or(f.pair(ctx, r), err)
			}
			continue // the running pipeline itself adds the event to a growing file
		}
		if failed := f.markFile(ctx, r); failed != nil {
			err = cmp.Or(err, failed)
			continue
		}
		f.marked = append(f.marked, pipeline.Triggered{
			Pipeline: r.Pipeline, Status: pipeline.EventMarked,
			Requested: time.Unix(0, f.ev.StartUTC), Until: until, Actual: time.Unix(0, f.ev.ActualUTC),
		})
	}
	if len(f.marked)+len(f.done) == 0 && err == nil && f.Node != "" {
		err = api.RecordedBy(f.Node)
	}
	return err
}

// begin sets f.ev.ActualUTC to the time of the key frame with which the media of the event begins in
// the recordings found.
func (f *eventFootage) begin() {
	for i := range f.Records { // oldest first
		r := &f.Records[i]
		at := r.StartUTC
		if at < f.ev.StartUTC {
			key, err := f.recordings.files.KeyFrame(r.Path, r.ID, time.Unix(0, f.ev.StartUTC))
			if errors.Is(err, errForeign) {
				continue // it is not marked either
			}
			if err != nil {
				f.log.Warn("the key frame at which the event's footage begins could not be found", "file", r.Path, "event", f.ev.ID, "error", err)
				continue
			}
			at = key.UnixNano()
		}
		f.ev.ActualUTC = at
		return
	}
}

// shorten ends an event that no running pipeline has accepted at the end of the media in the recordings
// found, if the requested end is later. It then stores the end of the media in f.short and returns true. It
// changes nothing if that end is unknown, because another recorder has some of the media, or because one of
// the recordings still grows or waits for recovery.
func (f *eventFootage) shorten() bool {
	var end int64
	for i := range f.Records {
		if f.Records[i].State == media.StateRecording {
			return false
		}
		end = max(end, f.Records[i].EndUTC)
	}
	if f.Node != "" || end == 0 || end >= f.ev.EndUTC {
		return false
	}
	f.short = time.Unix(0, end)
	f.ev.EndUTC = max(end, f.ev.AtUTC)
	return true
}

// markFile adds the event to a finished recording, and protects the recording if the event demands it
// and the limits of protection allow it.
func (f *eventFootage) markFile(ctx context.Context, r *media.Record) error {
	named, err := f.name(ctx, r.ID)
	if err != nil {
		return err
	}
	*r = named
	if !f.ev.Protect || r.Protected || !f.protection.Grant(f.ev.ID, r.SizeBytes) {
		return nil
	}
	if _, err = f.recordings.SetProtected(ctx, r.ID, true); err != nil {
		f.protection.Grew(f.ev.ID, -r.SizeBytes) // gives the bytes back, so that a later attempt may use them
		return err
	}
	r.Protected = true
	return nil
}

// name adds the event to the row and the file of a finished recording, and returns the changed row. If only
// the file could not be changed, name logs this and returns no error.
func (f *eventFootage) name(ctx context.Context, recording media.ID) (media.Record, error) {
	m, err := f.recordings.footage.AddEvent(ctx, recording, f.ev)
	if err != nil {
		return m.Record, known(err)
	}
	if m.Beyond {
		f.beyond[recording] = true
	}
	if m.FileError != nil {
		f.log.Warn("the event is in the catalogue but not in its file: spool reindex into an empty database will not find it", "file", m.Record.Path, "event", f.ev.ID, "error", m.FileError)
	}
	return m.Record, nil
}

// pair records that a recording has media of the event: in the catalogue, and not in the file.
func (f *eventFootage) pair(ctx context.Context, r *media.Record) error {
	if err := f.recordings.footage.PairEvent(ctx, r.Recording, f.ev); err != nil {
		return known(err)
	}
	f.beyond[r.ID] = true
	return nil
}

// took reports whether the pipeline that made a recording was running and has accepted the event.
func (f *eventFootage) took(r *media.Record) bool {
	return slices.ContainsFunc(f.done, func(d pipeline.Triggered) bool { return d.Pipeline == r.Pipeline })
}

// names reports whether the row of a recording lists the event.
func (f *eventFootage) names(r *media.Record) bool {
	return footage.Names(r, f.ev.ID)
}

// result returns the recordings that have media of the event. If the event demands protection and the limits
// have left some of them unprotected, limited has a text with their number and size.
func (f *eventFootage) result() (list []media.EventRecording, limited []string) {
	grows := f.recordings.growing()
	var files int
	var bytes int64
	for i := range f.Records {
		r := &f.Records[i]
		if !f.names(r) && !f.beyond[r.ID] {
			continue
		}
		grows(&r.Recording)
		list = append(list, media.EventRecording{
			ID: r.ID, Node: r.Node, Elsewhere: r.Elsewhere, Path: r.Path, State: r.State, StartUTC: r.StartUTC, EndUTC: r.EndUTC, SizeBytes: r.SizeBytes, Protected: r.Protected,
		})
		if f.ev.Protect && !r.Protected {
			files++
			bytes += r.SizeBytes
		}
	}
	if files > 0 {
		limited = append(limited, fmt.Sprintf("protect: %d recordings of %d bytes are not protected: one event protects at most events.max_protect_bytes, all events at most events.max_protect_percent of the disk", files, bytes))
	}
	return list, limited
}
