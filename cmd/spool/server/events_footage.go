package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/footage"
)

// eventFootage finds and marks the recordings of one event's time.
type eventFootage struct {
	events
	stream    string
	ev        media.Event
	done      []pipeline.Triggered // the results of the running pipelines
	onlyNamed bool                 // the running pipelines hold all of it: mark no other file

	footage.Found
	marked []pipeline.Triggered // marked finished recordings, nearest first
	short  time.Time            // where the footage ends, if that is before the requested end
	beyond map[media.ID]bool    // recordings that hold media of it and whose files cannot name it
}

func (e events) footageOf(stream string, t pipeline.Trigger, from, to time.Time) *eventFootage {
	return &eventFootage{events: e, stream: stream, beyond: map[media.ID]bool{}, ev: media.Event{
		ID: t.ID, Key: t.Key, Name: t.Name, Data: t.Data, Protect: t.Protect != pipeline.ProtectOff,
		AtUTC: t.At.UnixNano(), StartUTC: from.UnixNano(), EndUTC: max(to.UnixNano(), from.UnixNano()+1),
	}}
}

// mark names the event in the finished recordings of its time, nearest to the trigger first,
// and protects them unless the trigger says not to. It goes on after a recording that cannot be
// marked and returns the first such error.
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
			if f.took(r) && !f.names(r) { // its file names the maximum of events, or the disk is slow
				err = cmp.Or(f.pair(ctx, r), err)
			}
			continue // the recorder marks a growing file
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

// begin sets the event's Actual: the time of the key frame at which its footage begins.
func (f *eventFootage) begin() {
	for i := range f.Records { // oldest first
		r := &f.Records[i]
		at := r.StartUTC
		if at < f.ev.StartUTC {
			if f.recordings.files.Belongs(r.Path, r.ID) != nil {
				continue // the file cannot be marked
			}
			key, err := f.recordings.files.KeyFrame(r.Path, time.Unix(0, f.ev.StartUTC))
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

// shorten reduces the interval of an event that no pipeline has accepted to its footage, and reports whether the
// footage ends too early. It leaves the interval if the end of its footage is unknown: another recorder has some of it,
// or recovery has yet to read a file.
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

// markFile names the event in a finished recording, and protects the recording if the event
// asks for it and the limits allow it.
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
		f.protection.Grew(f.ev.ID, -r.SizeBytes) // a later attempt for the same event may protect it
		return err
	}
	r.Protected = true
	return nil
}

// name adds the event to the row and the file of a finished recording.
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

// pair records only in the catalogue that a recording holds media of the event.
func (f *eventFootage) pair(ctx context.Context, r *media.Record) error {
	if err := f.recordings.footage.PairEvent(ctx, r.Recording, f.ev); err != nil {
		return known(err)
	}
	f.beyond[r.ID] = true
	return nil
}

// took reports whether the pipeline of a recording took the event.
func (f *eventFootage) took(r *media.Record) bool {
	return slices.ContainsFunc(f.done, func(d pipeline.Triggered) bool { return d.Pipeline == r.Pipeline })
}

func (f *eventFootage) names(r *media.Record) bool {
	return footage.Names(r, f.ev.ID)
}

// result lists the recordings that hold media of the event, and reports how many of them stay
// unprotected because of a limit.
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
