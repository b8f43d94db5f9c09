package metadata

import (
	"context"
	"encoding/json"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
)

// A file that a crash left names the latest events only, those that its list had room
// for while it grew. So a row of what was recovered goes on naming those that the row
// before it named.

// keeping is a row that takes another's place, with the events that it may not know.
func (r *row) keeping(old *row) *row {
	if old == nil || r.State != string(media.StateRecovered) || string(old.Events) == string(r.Events) {
		return r
	}
	events, err := r.events()
	if err != nil {
		return r
	}
	named, err := old.events()
	if err != nil || len(named) == 0 {
		return r
	}
	for _, e := range events { // what the file says is newer
		named = media.JoinEvent(named, e)
	}
	text, err := json.Marshal(named)
	if err != nil {
		return r
	}
	kept := *r
	kept.Events = text
	return &kept
}

// keepNamed does so for rows that are about to be written, with those that are stored.
func (s *store) keepNamed(ctx context.Context, tx bun.Tx, rows []*row) error {
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
	var old []*row
	if err := tx.NewSelect().Model(&old).Column("id", "events").Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return err
	}
	for _, o := range old {
		rows[at[o.ID]] = rows[at[o.ID]].keeping(o)
	}
	return nil
}
