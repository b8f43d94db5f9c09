package metadata

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/sinks/metadata/row"
)

// eventRow is a row of spool_events. Changes of several recordings may name the same event, in any
// order and repeatedly. join merges times and protection so that the result does not depend on the
// order.
type eventRow struct {
	bun.BaseModel `bun:"table:spool_events,alias:e"`

	ID      string `bun:"id,pk"`
	Node    string `bun:"node"`
	Stream  string `bun:"stream"`
	Key     string `bun:"event_key"`
	Name    string `bun:"name"`
	Data    string `bun:"data"`  // JSON text; empty: no data
	AtNS    int64  `bun:"at_ns"` // nanoseconds UTC, like StartNS and EndNS
	StartNS int64  `bun:"start_ns"`
	EndNS   int64  `bun:"end_ns"`
	Protect int    `bun:"protect"`

	ActualNS int64 `bun:"actual_ns"` // UTC of the key frame at which the footage begins; 0: unknown
	GoneNS   int64 `bun:"gone_ns"`   // UTC: see event_footage.go. 0: the event has a recording, or never had one
}

// eventsOf returns the events that rows name, each event once. If several rows name an event, it
// joins their values in the order of rows.
func eventsOf(rows []*row.Row) (out []eventRow, err error) {
	at := map[string]int{}
	for _, r := range rows {
		events, err := r.NamedEvents()
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			n := eventRow{
				ID: e.ID.String(), Node: r.Node, Stream: r.Stream, Key: e.Key, Name: e.Name, Data: string(e.Data),
				AtNS: e.AtUTC, StartNS: e.StartUTC, EndNS: e.EndUTC, ActualNS: e.ActualUTC, Protect: row.Bit(e.Protect),
			}
			i, known := at[n.ID]
			if !known {
				at[n.ID] = len(out)
				out = append(out, n)
				continue
			}
			out[i] = out[i].join(n)
		}
	}
	return out, nil
}

// join returns later, with its times and its protection merged with those of r. Both are values of
// the same event.
func (r eventRow) join(later eventRow) eventRow {
	later.AtNS, later.StartNS = min(r.AtNS, later.AtNS), min(r.StartNS, later.StartNS)
	later.EndNS, later.Protect = max(r.EndNS, later.EndNS), max(r.Protect, later.Protect)
	if later.ActualNS == 0 || r.ActualNS != 0 && r.ActualNS < later.ActualNS {
		later.ActualNS = r.ActualNS
	}
	return later
}

// putEvents inserts the events that rows name, or joins them with the stored events of the same ID.
func (s *store) putEvents(ctx context.Context, tx bun.Tx, rows []*row.Row) error {
	events, err := eventsOf(rows)
	if err != nil || len(events) == 0 {
		return err
	}
	q := tx.NewInsert().Model(&events)
	least, greatest, given := "LEAST", "GREATEST", "EXCLUDED.?"
	switch s.Driver {
	case "mysql":
		q.On("DUPLICATE KEY UPDATE")
		given = "VALUES(?)"
	case "sqlite":
		least, greatest = "min", "max"
		fallthrough
	default:
		q.On("CONFLICT (id) DO UPDATE")
	}
	stored := "e.?"
	if s.Driver == "mysql" {
		stored = "?"
	}
	for _, c := range [][2]string{{"at_ns", least}, {"start_ns", least}, {"end_ns", greatest}, {"protect", greatest}} {
		col := bun.Ident(c[0])
		q.Set("? = "+c[1]+"("+stored+", "+given+")", col, col, col)
	}
	known := bun.Ident("actual_ns")
	q.Set("? = CASE WHEN "+stored+" = 0 OR "+given+" <> 0 AND "+given+" < "+stored+" THEN "+given+" ELSE "+stored+" END",
		known, known, known, known, known, known, known)
	for _, col := range []string{"name", "data"} {
		q.Set("? = "+given, bun.Ident(col), bun.Ident(col))
	}
	_, err = q.Exec(ctx)
	return err
}
