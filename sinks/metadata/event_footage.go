package metadata

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// spool_event_recordings links each event to the recordings that hold its media, so that a page of
// events can list them:
//
//	spool_event_recordings (event_id, recording_id)
//
// A row of this table is called a pair. Invariant: the recording of a pair has a row, whose state is not
// lost. spool_events.gone_ns is the time at which an event lost its last pair, in nanoseconds since 1970
// UTC; 0 while the event has a pair. For an event that never had a pair it is 0, until Upkeep sets it to
// the event's end.

// pair is a row of spool_event_recordings: it links an event to a recording that has media of the
// event.
type pair struct {
	bun.BaseModel `bun:"table:spool_event_recordings"`

	Event     string `bun:"event_id,pk"`
	Recording string `bun:"recording_id,pk"`
}

// pairsOf returns a pair (event, recording) for each event that a row names. The pairs of rows with
// the state lost are in lost, those of all other rows in pairs. A row without a recording
// (row.NoRecording) yields no pair.
func pairsOf(rows []*row.Row) (pairs, lost []pair, err error) {
	for _, r := range rows {
		events, err := r.NamedEvents()
		if err != nil {
			return nil, nil, err
		}
		for i := range events {
			p := pair{Event: events[i].ID.String(), Recording: r.ID}
			if r.ID == row.NoRecording {
				continue
			}
			if r.State == string(media.StateLost) {
				lost = append(lost, p)
			} else {
				pairs = append(pairs, p)
			}
		}
	}
	return pairs, lost, nil
}

func (p pair) event() string     { return p.Event }
func (p pair) recording() string { return p.Recording }

func column(pairs []pair, of func(pair) string) []string {
	out := make([]string, len(pairs))
	for i, p := range pairs {
		out[i] = of(p)
	}
	return out
}

// putPairs stores which recordings have media of which events. It adds a pair (event, recording) for
// each event that a row names, and sets gone_ns of these events to 0. A row with the state lost gets no
// pair: putPairs removes all pairs of its recording, and then sets gone_ns of each of its events that
// has no pair left, and no gone_ns yet, to nowNS: the time of the change in nanoseconds since 1970 UTC.
func (s *store) putPairs(ctx context.Context, tx bun.Tx, rows []*row.Row, nowNS int64) error {
	pairs, lost, err := pairsOf(rows)
	if err != nil {
		return err
	}
	if _, err := s.addPairs(ctx, tx, pairs); err != nil {
		return err
	}
	var gone []string // recordings, not pairs: a row need not name all of its events
	for _, r := range rows {
		if r.State == string(media.StateLost) {
			gone = append(gone, r.ID)
		}
	}
	if err := s.dropFootage(ctx, tx, gone, nowNS); err != nil || len(lost) == 0 {
		return err
	}
	return s.noteGone(ctx, tx, column(lost, pair.event), nowNS) // such an event may never have had a pair
}

// addPairs inserts those pairs (event, recording) that are not stored yet, and returns their number. It
// sets gone_ns of the events of all given pairs to 0, since each of them has a recording now.
func (s *store) addPairs(ctx context.Context, tx bun.Tx, pairs []pair) (added int64, err error) {
	if len(pairs) == 0 {
		return 0, nil
	}
	done, err := tx.NewInsert().Model(&pairs).Ignore().Exec(ctx)
	if err == nil {
		added, err = done.RowsAffected()
	}
	if err != nil {
		return 0, err
	}
	_, err = tx.NewUpdate().Table("spool_events").Set("gone_ns = 0").
		Where("id IN (?)", bun.List(column(pairs, pair.event))).Where("gone_ns <> 0").Exec(ctx)
	return added, err
}

// dropFootage removes all pairs (event, recording) of recordings whose footage is gone. It then sets
// gone_ns of each event of these pairs that has no pair left to nowNS, the time of the change in
// nanoseconds since 1970 UTC.
func (s *store) dropFootage(ctx context.Context, tx bun.Tx, recordings []string, nowNS int64) error {
	if len(recordings) == 0 {
		return nil
	}
	var events []string
	err := tx.NewSelect().TableExpr("spool_event_recordings").ColumnExpr("DISTINCT event_id").
		Where("recording_id IN (?)", bun.List(recordings)).Scan(ctx, &events)
	if err != nil || len(events) == 0 {
		return err
	}
	_, err = tx.NewDelete().Table("spool_event_recordings").Where("recording_id IN (?)", bun.List(recordings)).Exec(ctx)
	if err != nil {
		return err
	}
	return s.noteGone(ctx, tx, events, nowNS)
}

// noteGone sets gone_ns of events to nowNS, the time at which their last recording was deleted or lost.
// It skips an event that is still linked to a recording by a pair, and an event whose gone_ns is set
// already.
func (s *store) noteGone(ctx context.Context, tx bun.IDB, events []string, nowNS int64) error {
	_, err := tx.NewUpdate().Table("spool_events").Set("gone_ns = ?", nowNS).
		Where("id IN (?)", bun.List(events)).Where("gone_ns = 0").
		Where("NOT EXISTS (SELECT 1 FROM spool_event_recordings p WHERE p.event_id = spool_events.id)").Exec(ctx)
	return err
}

// maxEventRecordings is the most recordings that a page lists for one event.
const maxEventRecordings = 100

// footageRow is the result of a query for one recording of an event. If the event has no recording,
// ID and the fields after it are empty.
type footageRow struct {
	Event     string `bun:"event_id"`
	GoneNS    int64  `bun:"gone_ns"` // column gone_ns of the event
	Total     int    `bun:"total"`   // number of the event's recordings
	ID        string `bun:"id"`      // ID of the recording, to which the fields below also belong
	Node      string `bun:"node"`
	Pipeline  string `bun:"pipeline"`
	Path      string `bun:"file_path"`
	State     string `bun:"state"`
	StartNS   int64  `bun:"start_ns"`
	EndNS     int64  `bun:"end_ns"`
	SizeBytes int64  `bun:"size"`
	Protected int    `bun:"protected"`
}

// footage reads the recordings of events: for each event the oldest, at most maxEventRecordings, in
// order of their start. The same statement reads gone_ns of the events, so that it agrees with the
// recordings.
func (s *store) footage(ctx context.Context, events []string) (rows []footageRow, err error) {
	if len(events) == 0 {
		return nil, nil
	}
	all := s.RO.NewSelect().TableExpr("spool_events AS e").
		Join("LEFT JOIN spool_event_recordings AS p ON p.event_id = e.id").
		Join("LEFT JOIN spool_recordings AS r ON r.id = p.recording_id").
		ColumnExpr("e.id AS event_id, e.gone_ns, r.id, r.node, r.pipeline, r.file_path, r.state, r.start_ns, r.end_ns, r.size, r.protected").
		ColumnExpr("ROW_NUMBER() OVER (PARTITION BY e.id ORDER BY r.start_ns, r.id) AS n").
		ColumnExpr("COUNT(r.id) OVER (PARTITION BY e.id) AS total").
		Where("e.id IN (?)", bun.List(events))
	err = s.RO.NewSelect().TableExpr("(?) AS f", all).Where("n <= ?", maxEventRecordings).
		ColumnExpr("event_id, gone_ns, total, id, node, pipeline, file_path, state, start_ns, end_ns, size, protected").
		OrderExpr("event_id, start_ns, id").Scan(ctx, &rows)
	return rows, err
}
