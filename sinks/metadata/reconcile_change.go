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

// ErrBusy is the error of Comparison.Alone if another change of the recording takes too long.
var ErrBusy = errors.New("another change of the recording is under way")

// change calls do for one recording while no other code of this process changes it. do reads the row and
// the file again: since compare read them, the recording may have been protected or deleted, or have got
// an event.
//
// change counts a recording that stays busy, and leaves it to the next Reconcile. If the journal is
// full, change waits for room while other code may change the recording, and then calls do again.
func (r *reconciliation) change(ctx context.Context, id media.ID, do func(context.Context) error) error {
	if r.busy[id] { // it was waited for once already
		return nil
	}
	if err := r.c.Claimed(); err != nil { // another recorder with this one's name changes the same rows
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
	case errors.Is(err, journal.ErrNotDurable): // it is pending; if a crash loses it, the next Reconcile repeats it
		return nil
	}
	return err
}

// mend corrects the row of a recording that compare found to differ from the disk. It updates the
// row from the file, or gives it the state lost if there is no file.
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

// lose gives a row whose file is gone the state lost. If the file has only been moved, r.add later
// finds it under its new name and corrects the row. If the row is being deleted, by retention for instance,
// lose changes nothing: see gatherLoss.
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

// update updates a row from the file at its path. If the file at that path belongs to another
// recording, the row gets the state lost.
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
	if !errors.Is(err, ErrJournalFull) { // else change calls mend again, for which the file must stay unsettled
		r.settled(row.Path)
	}
	return err
}

// orphan gives the state lost to a row whose path leads to the file of another recording.
func (r *reconciliation) orphan(ctx context.Context, row *row.Row) error {
	if !media.State(row.State).Here() {
		return nil
	}
	return r.lose(ctx, row)
}

// addRecording adds a row for the file of a recording, or corrects the path of its row. It leaves the
// row alone if it is another recorder's, or if the file is a copy: the file at the row's path exists too.
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

// putFile puts the row of a recording as its file describes it, and increments count. It keeps the
// events that only the old row (known) names: the file may have had no room for them, or its event
// list may be damaged. If the file is gone by now, putFile puts nothing.
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

// ended calls OpenOptions.Ended for a finished file whose row has the state recording; said is the
// state of the row. It does not call it for a recording that this process writes, whose pipeline
// reports the end.
func (r *reconciliation) ended(ctx context.Context, said media.State, rec media.Recording) {
	if said == media.StateRecording && r.c.opts.Ended != nil && r.lastEnded != rec.ID && !r.c.begun.began(rec.ID) {
		r.lastEnded = rec.ID
		r.c.opts.Ended(ctx, rec)
	}
}

// put calls Catalogue.Put for a recording, and increments count if the catalogue accepted the change. It
// returns the error of Put.
func (r *reconciliation) put(ctx context.Context, rec media.Recording, count *int) error {
	err := r.c.Put(ctx, rec)
	if err == nil || errors.Is(err, journal.ErrNotDurable) {
		*count++
	}
	return err
}
