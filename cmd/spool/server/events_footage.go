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

// eventFootage is the recordings of one event's time.
type eventFootage struct {
	events
	stream    string
	ev        media.Event
	done      []pipeline.Triggered // what the running pipelines did about it
	onlyNamed bool                 // they have all of it: nothing else is marked

	footage.Found
	marked []pipeline.Triggered // finished recordings that were marked, nearest first
	beyond map[media.ID]bool    // recordings that hold media of it and cannot name it
}

func (e events) footageOf(stream string, t pipeline.Trigger, from, to time.Time) *eventFootage {
	return &eventFootage{events: e, stream: stream, beyond: map[media.ID]bool{}, ev: media.Event{
		ID: t.ID, Key: t.Key, Name: t.Name, Data: t.Data, Protect: t.Protect != pipeline.ProtectOff,
		At: t.At.UnixNano(), Start: from.UnixNano(), End: max(to.UnixNano(), from.UnixNano()+1),
	}}
}

// mark names the event in the finished recordings of its time and protects them
// unless the trigger says not to, those nearest to the trigger first. One that
// cannot be marked does not keep the others from it; the first such error is
// returned.
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
	for _, i := range f.NearestFirst(f.ev.At) {
		r := &f.Records[i]
		if r.State != media.StateFinished && r.State != media.StateRecovered {
			if f.took(r) && !f.names(r) { // it names as many as it may, or the disk is slow
				err = cmp.Or(f.pair(ctx, r), err)
			}
			continue // what grows has its mark from the recorder
		}
		if failed := f.markFile(ctx, r); failed != nil {
			err = cmp.Or(err, failed)
			continue
		}
		f.marked = append(f.marked, pipeline.Triggered{
			Pipeline: r.Pipeline, Status: pipeline.EventMarked,
			Requested: time.Unix(0, f.ev.Start), Until: time.Unix(0, f.ev.End), Actual: time.Unix(0, f.ev.Actual),
		})
	}
	if len(f.marked)+len(f.done) == 0 && err == nil && f.Node != "" {
		err = api.RecordedBy(f.Node)
	}
	return err
}

// begin finds the key frame where the footage begins.
func (f *eventFootage) begin() {
	for i := range f.Records { // oldest first
		r := &f.Records[i]
		at := r.StartUTC
		if at < f.ev.Start {
			if f.recordings.files.Belongs(r.Path, r.ID) != nil {
				continue // it is not marked
			}
			key, err := f.recordings.files.KeyFrame(r.Path, time.Unix(0, f.ev.Start))
			if err != nil {
				f.log.Warn("the key frame at which an event's footage begins is not known", "file", r.Path, "event", f.ev.ID, "error", err)
				continue
			}
			at = key.UnixNano()
		}
		f.ev.Actual = at
		return
	}
}

// markFile names the event in a finished recording, and protects it if the event
// wants that and may.
func (f *eventFootage) markFile(ctx context.Context, r *media.Record) error {
	named, err := f.name(ctx, r.ID)
	if err != nil {
		return err
	}
	*r = named
	if !f.ev.Protect || r.Protected || !f.protection.Grant(f.ev.ID, r.Size) {
		return nil
	}
	if _, err = f.recordings.SetProtected(ctx, r.ID, true); err != nil {
		f.protection.Grew(f.ev.ID, -r.Size) // a later try of the same event may have it
		return err
	}
	r.Protected = true
	return nil
}

// name puts the event into the row and the file of a finished recording.
func (f *eventFootage) name(ctx context.Context, recording media.ID) (media.Record, error) {
	m, err := f.recordings.footage.AddEvent(ctx, recording, f.ev)
	if err != nil {
		return m.Record, known(err)
	}
	if m.Beyond {
		f.beyond[recording] = true
	}
	if m.FileError != nil {
		f.log.Warn("an event is in the catalogue alone: spool reindex of an empty database will not find it", "file", m.Record.Path, "event", f.ev.ID, "error", m.FileError)
	}
	return m.Record, nil
}

// pair notes in the catalogue alone that a recording holds media of the event.
func (f *eventFootage) pair(ctx context.Context, r *media.Record) error {
	if err := f.recordings.footage.PairEvent(ctx, r.Recording, f.ev); err != nil {
		return known(err)
	}
	f.beyond[r.ID] = true
	return nil
}

// took reports whether the pipeline of a recording has taken the event.
func (f *eventFootage) took(r *media.Record) bool {
	return slices.ContainsFunc(f.done, func(d pipeline.Triggered) bool { return d.Pipeline == r.Pipeline })
}

func (f *eventFootage) names(r *media.Record) bool {
	return footage.Names(r, f.ev.ID)
}

// result tells which recordings hold media of the event, and what of them it does
// not protect.
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
			ID: r.ID, Node: r.Node, Elsewhere: r.Elsewhere, Path: r.Path, State: r.State, StartUTC: r.StartUTC, EndUTC: r.EndUTC, Size: r.Size, Protected: r.Protected,
		})
		if f.ev.Protect && !r.Protected {
			files++
			bytes += r.Size
		}
	}
	if files > 0 {
		limited = append(limited, fmt.Sprintf("protect: %d recordings of %d bytes are not protected: one event protects at most events.max_protect_bytes, all together events.max_protect_percent of the disk", files, bytes))
	}
	return list, limited
}
