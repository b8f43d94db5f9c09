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

	records []media.Record
	node    string               // of another recorder that has some of it; empty: none has
	marked  []pipeline.Triggered // finished recordings that were marked, nearest first
	beyond  map[media.ID]bool    // recordings that hold media of it and cannot name it
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
	err := f.find(ctx)
	if f.onlyNamed {
		return err
	}
	f.begin()
	for _, i := range f.nearestFirst() {
		r := &f.records[i]
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
	if len(f.marked)+len(f.done) == 0 && err == nil && f.node != "" {
		err = api.RecordedBy(f.node)
	}
	return err
}

// begin finds the key frame where the footage begins.
func (f *eventFootage) begin() {
	for i := range f.records { // oldest first
		r := &f.records[i]
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

// nearestFirst orders the recordings by how far they are from the trigger.
func (f *eventFootage) nearestFirst() []int {
	order := make([]int, len(f.records))
	for i := range order {
		order[i] = i
	}
	far := func(r *media.Record) int64 { return max(r.StartUTC-f.ev.At, f.ev.At-r.EndUTC, 0) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(far(&f.records[a]), far(&f.records[b])) })
	return order
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

// full reports whether a recording names as many events as it may, without this one.
func (f *eventFootage) full(r *media.Record) bool {
	return !f.names(r) && len(media.JoinEvent(r.Events, f.ev)) == len(r.Events)
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
	for i := range f.records {
		r := &f.records[i]
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

// markPatience is how long the mark of a file that ends at this moment is waited
// for.
const markPatience = 2 * time.Second

// find lists the recordings of the event's time, once the files that ended before
// the recorder's mark got there are finished: they do not have it. Beside an error
// it leaves what it found.
func (f *eventFootage) find(ctx context.Context) error {
	patience, stop := f.clock.After(markPatience)
	defer stop()
	for {
		changed := f.recordings.catalogue.Changed()
		begun := f.recordings.catalogue.AllBegun() // before their rows are read: one may end meanwhile
		all, err := f.overlapping(ctx)
		f.keepOwn(all)
		if err != nil || f.settled(all, begun) {
			return err
		}
		for again := false; !again; {
			select {
			case <-changed:
				changed = f.recordings.catalogue.Changed()
				again = !f.unmarked()
			case <-patience:
				return api.Unavailable("a file of the event's time is not finished yet, or the one that grows has not got the mark: the disk is slow; try again with the same key")
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
}

// unmarked reports whether a recording that found is unsettled for is known to grow
// without the mark: many events at once do not ask the database after each other's.
func (f *eventFootage) unmarked() bool {
	return slices.ContainsFunc(f.records, func(r media.Record) bool {
		return f.took(&r) && f.recordings.catalogue.Unmarked(r.ID, &f.ev)
	})
}

// keepOwn keeps the recordings whose files are here: another recorder on the same
// database has its own.
func (f *eventFootage) keepOwn(all []media.Record) {
	f.records, f.node = nil, ""
	for _, r := range all {
		if r.Elsewhere {
			f.node = r.Node
			continue
		}
		f.records = append(f.records, r)
	}
}

// overlapping lists the recordings of the event's time, of other recorders too.
func (f *eventFootage) overlapping(ctx context.Context) (all []media.Record, err error) {
	select { // many events at once must not look like a database that is down
	case f.asking <- struct{}{}:
		defer func() { <-f.asking }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	q := media.Query{Stream: f.stream, Start: time.Unix(0, f.ev.Start), End: time.Unix(0, f.ev.End), Ascending: true, Limit: media.MaxLimit}
	for {
		page, err := f.recordings.catalogue.Records(ctx, q)
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

// settled tells whether the files of the event's time are finished or name it, of
// those of the pipelines that took it, or of all where none did. A file of a run
// before this one is not waited for, though it may never have been finished.
func (f *eventFootage) settled(all []media.Record, begun map[media.ID]bool) bool {
	there := len(f.done) == 0
	for i := range all {
		r := &all[i]
		took, named := f.took(r), f.names(r) || f.full(r)
		if r.Elsewhere && !named {
			continue
		}
		growing := r.State == media.StateRecording && (begun[r.ID] || f.recordings.catalogue.Begun(r.ID))
		switch {
		case growing && (took || len(f.done) == 0) && !named:
			return false
		case took:
			there = there || named || !growing && r.EndUTC >= f.ev.End
		}
	}
	return there
}
