package database

import (
	"context"
	"fmt"
)

// oldest lists the tables of the first version of the schema, with their columns at that time.
var oldest = []struct{ table, columns string }{
	{"spool_recordings", "id, node, stream, pipeline, file_path, state, start_ns, end_ns, duration_ns, span, size, tracks, " +
		"end_reason, gap_cause, gap_ns, gap_chunks, events, protected, protected_rev, revision"},
	{"spool_streams", "path"},
	{"spool_journals", "id, node, applied"},
}

// refuseForeign returns an error if a table of oldest exists but lacks one of the columns in
// oldest, since another program must have made the table. Migrate calls it before it changes
// anything.
func (s *DB) refuseForeign(ctx context.Context) error {
	for _, t := range oldest {
		if _, err := s.RW.ExecContext(ctx, "SELECT 1 FROM "+t.table+" WHERE 1 = 0"); err != nil {
			continue // the table is missing, or the migration will return the same error
		}
		if _, err := s.RW.ExecContext(ctx, "SELECT "+t.columns+" FROM "+t.table+" WHERE 1 = 0"); err != nil {
			return fmt.Errorf("the database has a table %s that spool did not make (%w): name another database in database.dsn, or rename that table", t.table, err)
		}
	}
	return nil
}
