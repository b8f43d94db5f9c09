package metadata

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
)

// PutEvent stores an event of a stream beside what recordings name, so that it is
// there although no recording names it: none has come yet, or the one that holds its
// media names as many as it may. The recording says whose it is; one without an ID is
// of no file yet, and needs nothing but a Stream.
//
// Like Put it returns once the journal has it on disk, and with the same errors. What
// is put again, or named by a recording as well, is joined.
func (c *Catalogue) PutEvent(ctx context.Context, rec media.Recording, e media.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := storableEvent(&e); err != nil {
		c.invalid.Add(1)
		return err
	}
	if rec.Stream == "" || len(rec.Stream) > maxStreamBytes {
		c.invalid.Add(1)
		return fmt.Errorf("%w: event %s: stream has %d bytes, 1 to %d fit", ErrInvalid, e.ID, len(rec.Stream), maxStreamBytes)
	}
	events, err := json.Marshal([]media.Event{e})
	if err != nil {
		c.invalid.Add(1)
		return fmt.Errorf("%w: event %s: %w", ErrInvalid, e.ID, err)
	}
	_, err = c.append(opEvent, &row{
		ID: rec.ID.String(), Node: c.nodeOf(rec), Stream: rec.Stream, Tracks: []byte("[]"), Events: events,
	}, 0)
	return err
}

// pairEvents notes which recordings hold media of the events that PutEvent stored:
// those that have a row whose file is not lost.
func (s *store) pairEvents(ctx context.Context, tx bun.Tx, rows []*row) error {
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
	return s.addPairs(ctx, tx, out)
}

// dateBarren says of the events that ended before a time and never had footage that
// it is gone: they are kept as long as others from then on.
func (c *Catalogue) dateBarren(ctx context.Context, before time.Time) error {
	return c.inTx(ctx, func(ctx context.Context, s *store, tx bun.Tx) error {
		_, err := tx.NewUpdate().Table("spool_events").Set("gone_ns = end_ns").
			Where("at_ns < ?", before.UnixNano()).Where("end_ns < ?", before.UnixNano()).Where("end_ns > 0").
			Where("gone_ns = 0").Where("node = ?", c.opts.Node).
			Where("NOT EXISTS (SELECT 1 FROM spool_event_recordings p WHERE p.event_id = spool_events.id)").Exec(ctx)
		return err
	})
}

// Unmarked reports, without asking the database, that a recording is known to grow
// and to name neither an event nor as many as it may. What it is not sure of it does
// not report.
func (c *Catalogue) Unmarked(rec media.ID, event *media.Event) bool {
	e, known := c.pending.find(rec.String())
	return known && !e.deleted && e.row.State == string(media.StateRecording) &&
		e.row.named < media.MaxEvents && e.row.eventBytes+event.Bytes() <= media.MaxEventBytes &&
		!bytes.Contains(e.row.Events, []byte(event.ID.String()))
}
