package metadata

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// ErrBusy reports that other code changes a recording for too long: see Comparison.Alone.
var ErrBusy = errors.New("another change of the recording is under way")

// change changes one recording while no other code of this process does, except the pipeline that
// writes it, which agrees leaves alone. do reads the row and the file again: since the comparison
// read them, the recording may have been protected, deleted or marked with an event.
//
// A recording that stays busy is left to the next comparison. When the journal is full, change
// waits for room, without holding the recording, and calls do a second time.
func (r *reconciliation) change(ctx context.Context, id media.ID, do func(context.Context) error) error {
	if r.busy[id] { // wait for each recording only once
		return nil
	}
	if err := r.c.Claimed(); err != nil { // another recorder changes the same rows
		return err
	}
	err := r.Alone(ctx, id, do)
	if errors.Is(err, ErrJournalFull) {
		if err := r.c.Flush(ctx); err != nil {
			return err
		}
		err = r.Alone(ctx, id, do)
	}
	switch {
	case errors.Is(err, ErrBusy):
		r.busy[id] = true
		r.report.Busy++
		return nil
	case errors.Is(err, row.ErrInvalid):
		r.report.Foreign++
		return nil
	case errors.Is(err, journal.ErrNotDurable): // the change waits for the database, and the next comparison would repeat a lost one
		return nil
	}
	return err
}

// mend updates a recording's row from the disk.
func (r *reconciliation) mend(ctx context.Context, id string) error {
	recording, err := media.ParseID(id)
	if err != nil {
		return fmt.Errorf("catalogue row: %w", err)
	}
	return r.change(ctx, recording, func(ctx context.Context) error {
		now, _, err := r.c.lookup(ctx, id)
		switch {
		case errors.Is(err, ErrNotFound): // it was deleted
			return nil
		case err != nil:
			return err
		case now.Node != r.c.opts.Node || r.agrees(now):
			return nil
		}
		if _, there := r.files[now.Path]; there {
			return r.update(ctx, now)
		}
		return r.lose(ctx, now)
	})
}

// lose marks a row whose file is gone as lost. A file of the recording under another name gets the
// row in add. Retention deletes many files, and then their rows with one write of the journal:
// gatherLoss does not store a deleted row again as lost.
func (r *reconciliation) lose(ctx context.Context, old *row.Row) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rev, err := r.c.gatherLoss(old)
	if errors.Is(err, row.ErrInvalid) { // gatherLoss counted the row; the comparison goes on
		return nil
	}
	if err != nil || rev == 0 {
		return err
	}
	r.report.Lost++
	return r.c.journal.Await(rev)
}

// update updates a row from its file.
func (r *reconciliation) update(ctx context.Context, row *row.Row) error {
	rec, err := r.entry(row.Path)
	switch {
	case err != nil: // a file that cannot be read is not gone
		r.noEntry(err)
		r.settled(row.Path)
		return nil
	case rec.ID.String() != row.ID:
		return r.orphan(ctx, row)
	}
	known, err := row.Record(false)
	if err != nil {
		return err
	}
	err = r.putFile(ctx, rec, known, &r.report.Updated)
	if !errors.Is(err, ErrJournalFull) { // change calls mend again
		r.settled(row.Path)
	}
	return err
}

// orphan marks a row as lost whose path belongs to another recording's file.
func (r *reconciliation) orphan(ctx context.Context, row *row.Row) error {
	if !media.State(row.State).Here() {
		return nil
	}
	return r.lose(ctx, row)
}

// addRecording adds a row for the file of a recording, or updates the path of its row.
func (r *reconciliation) addRecording(ctx context.Context, path string, id media.ID) error {
	rec, err := r.entry(path)
	if err == nil && rec.ID != id {
		err = fmt.Errorf("%s: another file has taken the place of that of recording %s", path, id)
	}
	if err != nil {
		r.noEntry(err)
		return nil
	}
	count := &r.report.Updated
	known, err := r.c.Record(ctx, rec.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		count = &r.report.Added
	case err != nil:
		return err
	case known.Node != r.c.opts.Node && !slices.Contains(*r.c.former.Load(), known.Node):
		r.report.Others++
		return nil
	case strings.TrimSuffix(known.Path, media.PartSuffix) != path && known.State.Here() && r.onDisk(known.Path):
		r.report.Copies++
		return nil
	case known.Path == path && known.State.Here() && known.State != media.StateRecording:
		return nil // a recorder has finished it in the meantime
	case known.Node != r.c.opts.Node:
		if err := r.takeMoved(ctx, known); err != nil {
			return err
		}
	}
	return r.putFile(ctx, rec, known, count)
}

// putFile puts the row that a recording's file carries. It keeps the events that only the old row
// names: the file's event list may have had no room for them, or be torn. A file that was deleted
// without spool's knowledge gets no row.
func (r *reconciliation) putFile(ctx context.Context, rec media.Recording, known media.Record, count *int) error {
	for _, e := range known.Events {
		rec.Events = media.JoinEvent(rec.Events, e)
	}
	r.ended(ctx, known.State, rec)
	if !r.onDisk(rec.Path) {
		return nil
	}
	return r.put(ctx, rec, count)
}

// ended calls Ended for a finished file whose recorder did not store its end. A recording of this
// process is left to its pipeline or to recovery, which call Ended themselves.
func (r *reconciliation) ended(ctx context.Context, said media.State, rec media.Recording) {
	if said == media.StateRecording && r.c.opts.Ended != nil && r.lastEnded != rec.ID && !r.c.begun.began(rec.ID) {
		r.lastEnded = rec.ID
		r.c.opts.Ended(ctx, rec)
	}
}

// put puts a recording and counts it when the journal accepted it.
func (r *reconciliation) put(ctx context.Context, rec media.Recording, count *int) error {
	err := r.c.Put(ctx, rec)
	if err == nil || errors.Is(err, journal.ErrNotDurable) {
		*count++
	}
	return err
}
