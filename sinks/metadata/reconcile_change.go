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

// ErrBusy says that something else changes a recording for too long: see
// Comparison.Alone.
var ErrBusy = errors.New("another change of the recording is under way")

// change lets one recording be changed while nothing else of this process does, but the
// pipeline that writes it, which agrees leaves alone. What is done goes by the row and the
// file as they are from then on: since the comparison read them the recording may have
// been protected, deleted or marked with an event.
//
// One that stays busy is left to the next comparison, and the others are looked at. Where
// the journal has no room it waits, since nothing here is urgent, with the recording free
// for others meanwhile; do is then called a second time.
func (r *reconciliation) change(ctx context.Context, id media.ID, do func(context.Context) error) error {
	if r.busy[id] { // it is waited for once
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
	case errors.Is(err, journal.ErrNotDurable): // it is on its way, and the next comparison would find it again
		return nil
	}
	return err
}

// mend makes a recording's row say what the disk does.
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

// lose marks a row whose file is gone. A file of this recording under another name takes
// the row over in add. Who makes room deletes many files, and then their rows with one write
// of the journal: what is deleted does not come back as lost.
func (r *reconciliation) lose(ctx context.Context, old *row.Row) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rev, err := r.c.gatherLoss(old)
	if errors.Is(err, row.ErrInvalid) { // written by another, and counted: others are not kept from being compared
		return nil
	}
	if err != nil || rev == 0 {
		return err
	}
	r.report.Lost++
	return r.c.journal.Await(rev)
}

// update takes the file's word where the row says something else.
func (r *reconciliation) update(ctx context.Context, row *row.Row) error {
	rec, err := r.entry(row.Path)
	switch {
	case err != nil: // unreadable is not gone
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
	if !errors.Is(err, ErrJournalFull) { // else it is mended again
		r.settled(row.Path)
	}
	return err
}

// orphan is a row whose path belongs to a file that is not its own.
func (r *reconciliation) orphan(ctx context.Context, row *row.Row) error {
	if !media.State(row.State).Here() {
		return nil
	}
	return r.lose(ctx, row)
}

// addRecording gives the file of a recording a row, or the row of a file that is at
// another path now.
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
		return nil // a recorder finished it in the meantime
	case known.Node != r.c.opts.Node:
		if err := r.takeMoved(ctx, known); err != nil {
			return err
		}
	}
	return r.putFile(ctx, rec, known, count)
}

// putFile gives a recording the row that its file says. Events that its row names and its
// file does not stay: its list had no room for them, or is torn. A file that is gone, by
// whoever asks no one, gets no row.
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

// ended tells of a file whose end an earlier run did not come to tell. Of one of this run,
// whose row may be about to say so, its pipeline or recovery tells.
func (r *reconciliation) ended(ctx context.Context, said media.State, rec media.Recording) {
	if said == media.StateRecording && r.c.opts.Ended != nil && r.told != rec.ID && !r.c.run.began(rec.ID) {
		r.told = rec.ID
		r.c.opts.Ended(ctx, rec)
	}
}

// put counts what the journal took.
func (r *reconciliation) put(ctx context.Context, rec media.Recording, count *int) error {
	err := r.c.Put(ctx, rec)
	if err == nil || errors.Is(err, journal.ErrNotDurable) {
		*count++
	}
	return err
}
