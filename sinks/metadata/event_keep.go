package metadata

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/row"
)

// keepNamed lets rows that are about to be written go on naming what those that are stored
// name: see row.Keeping.
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
