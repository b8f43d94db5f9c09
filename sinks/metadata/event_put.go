package metadata

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// PutEvents stores events of the stream rec.Stream, and links each of them to the recording rec, which
// holds its media. It does not change the row of rec, which may name its maximum of events already.
// If no recording holds the media of the events yet, rec.ID is zero and only rec.Stream is used.
//
// An event with the ID of a stored event is merged with it: see eventRow.join. PutEvents returns once
// the journal is synced, with the errors of Put.
func (c *Catalogue) PutEvents(ctx context.Context, rec media.Recording, events ...media.Event) (unsafe error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	for len(events) > 0 {
		n := max(media.Namable(events), 1) // as many as one change holds
		r, err := eventsAlone(rec, c.nodeOf(rec), events[:n])
		if err != nil {
			c.invalid.Add(1)
			return err
		}
		_, err = c.append(journal.Event, r, 0)
		if err != nil && !errors.Is(err, journal.ErrNotDurable) {
			return err
		}
		unsafe = cmp.Or(unsafe, err)
		events = events[n:]
	}
	return unsafe
}

// eventsAlone returns the row of an Event change: it has only ID, node, stream and events.
func eventsAlone(rec media.Recording, node string, events []media.Event) (*row.Row, error) {
	if rec.Stream == "" || len(rec.Stream) > database.MaxStreamBytes {
		return nil, fmt.Errorf("%w: events of a stream of %d bytes, 1 to %d fit", row.ErrInvalid, len(rec.Stream), database.MaxStreamBytes)
	}
	for i := range events {
		if err := row.StorableEvent(&events[i]); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(events)
	if err != nil {
		return nil, fmt.Errorf("%w: events: %w", row.ErrInvalid, err)
	}
	return &row.Row{ID: rec.ID.String(), Node: node, Stream: rec.Stream, Tracks: []byte("[]"), Events: text}, nil
}

// pairEvents links the events of Event changes to the recording that each change names, in
// spool_event_recordings. rows are the rows of these changes. pairEvents skips a change whose recording
// has no row, or a row with the state lost.
func (s *store) pairEvents(ctx context.Context, tx bun.Tx, rows []*row.Row) error {
	pairs, _, err := pairsOf(rows)
	if err != nil || len(pairs) == 0 {
		return err
	}
	var there []string
	err = tx.NewSelect().TableExpr("spool_recordings").Column("id").
		Where("id IN (?)", bun.List(column(pairs, pair.recording))).Where("state <> ?", string(media.StateLost)).Scan(ctx, &there)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, id := range there {
		known[id] = true
	}
	kept := map[pair]bool{}
	var out []pair
	for _, p := range pairs {
		if known[p.Recording] && !kept[p] {
			kept[p] = true
			out = append(out, p)
		}
	}
	_, err = s.addPairs(ctx, tx, out)
	return err
}

// dateWithoutFootage sets the column gone_ns of this recorder's events that ended before a time and that
// were never linked to a recording: each gets its own end. dropEvents then deletes such an event like
// an event whose last recording is gone.
func (c *Catalogue) dateWithoutFootage(ctx context.Context, before time.Time) error {
	return c.inTx(ctx, func(ctx context.Context, s *store, tx bun.Tx) error {
		_, err := tx.NewUpdate().Table("spool_events").Set("gone_ns = end_ns").
			Where("at_ns < ?", before.UnixNano()).Where("end_ns < ?", before.UnixNano()).Where("end_ns > 0").
			Where("gone_ns = 0").Where("node = ?", c.opts.Node).
			Where("NOT EXISTS (SELECT 1 FROM spool_event_recordings p WHERE p.event_id = spool_events.id)").Exec(ctx)
		return err
	})
}

// Unmarked returns true if a recording grows and its row does not name an event but has room for one
// more. It does not query the database: it returns false for a recording that is not in the pending
// changes.
func (c *Catalogue) Unmarked(rec media.ID, event *media.Event) bool {
	e, known := c.pending.find(rec.String())
	return known && !e.deleted && e.row.State == string(media.StateRecording) &&
		e.row.Named < media.MaxEvents && e.row.EventBytes+event.Bytes() <= media.MaxEventBytes &&
		!bytes.Contains(e.row.Events, []byte(event.ID.String()))
}

// keepNamed replaces each row with the state recovered by a copy that also names the events of the
// stored row: see row.Row.Keeping.
func (s *store) keepNamed(ctx context.Context, tx bun.Tx, rows []*row.Row) error {
	at := map[string]int{}
	var ids []string
	for i, r := range rows {
		if r.State == string(media.StateRecovered) {
			at[r.ID] = i
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var old []*row.Row
	if err := tx.NewSelect().Model(&old).Column("id", "events").Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return err
	}
	for _, o := range old {
		rows[at[o.ID]] = rows[at[o.ID]].Keeping(o)
	}
	return nil
}
