package database

import (
	"context"
	"fmt"
)

// oldest lists the columns that each table has had since the first version of the schema.
var oldest = []struct{ table, columns string }{
	{"spool_recordings", "id, node, stream, pipeline, file_path, state, start_ns, end_ns, duration_ns, span, size, tracks, " +
		"end_reason, gap_cause, gap_ns, gap_chunks, events, protected, protected_rev, revision"},
	{"spool_streams", "path"},
	{"spool_journals", "id, node, applied"},
}

// refuseForeign returns an error when a table with one of spool's names was made by another
// program. It runs before the first change.
func (s *DB) refuseForeign(ctx context.Context) error {
	for _, t := range oldest {
		if _, err := s.RW.ExecContext(ctx, "SELECT 1 FROM "+t.table+" WHERE 1 = 0"); err != nil {
			continue // the table is missing; the migration reports any other trouble
		}
		if _, err := s.RW.ExecContext(ctx, "SELECT "+t.columns+" FROM "+t.table+" WHERE 1 = 0"); err != nil {
			return fmt.Errorf("the database has a table %s that spool did not make (%w): name another database in database.dsn, or rename that table", t.table, err)
		}
	}
	return nil
}
