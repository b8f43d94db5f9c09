package metadata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// store reads and writes the rows of an open database.
type store struct {
	*database.DB

	fence    func(context.Context, bun.Tx) error // runs first in each transaction: see Catalogue.fence. May be nil
	unwanted atomic.Uint64                       // see Stats.Unwanted
}

// position returns the revision up to which the database has the changes of the journal whose ID is
// log. It returns 0 if the database does not know the journal, or stores it under a node that is not
// in names.
func (s *store) position(ctx context.Context, log string, names []string) (rev int64, err error) {
	err = s.RW.NewSelect().TableExpr("spool_journals").Column("applied").Where("id = ?", log).
		Where("node IN (?)", bun.List(names)).Scan(ctx, &rev)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return rev, err
}

// write applies the changes ops, which are in order of revision, in one transaction. In the same
// transaction it stores the revision of the last change as the position of the journal whose ID is
// log. names are the names of this recorder (Catalogue.names). write does not apply changes of other
// recorders' rows: it returns them as others.
func (s *store) write(ctx context.Context, log string, names []string, ops []journal.Change) (others []journal.Change, err error) {
	var unwanted int64
	err = s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var mine []journal.Change
		if mine, others, err = s.divide(ctx, tx, names, ops); err != nil {
			return err
		}
		b := fold(mine)
		if err := s.keepNamed(ctx, tx, b.puts); err != nil {
			return err
		}
		if err := s.upsert(ctx, tx, b.puts); err != nil {
			return err
		}
		if err := s.locate(ctx, tx, idsOf(b.puts)); err != nil {
			return err
		}
		nowNS := ops[len(ops)-1].Revision
		if err := s.putEvents(ctx, tx, slices.Concat(b.puts, b.events)); err != nil {
			return err
		}
		if b.puts, err = s.keepRemote(ctx, tx, b.puts); err != nil {
			return err
		}
		if err := s.putPairs(ctx, tx, b.puts, nowNS); err != nil {
			return err
		}
		if err := s.pairEvents(ctx, tx, b.events); err != nil {
			return err
		}
		for _, o := range b.protects {
			_, err := tx.NewUpdate().Table("spool_recordings").
				Set("protected = ?", o.Row.Protected).Set("protected_rev = ?", o.Revision).
				Where("id = ?", o.Row.ID).Where("protected_rev < ?", o.Revision).Exec(ctx)
			if err != nil {
				return err
			}
		}
		if unwanted, err = s.delete(ctx, tx, names, b.deletes, nowNS); err != nil {
			return err
		}
		return s.move(ctx, tx, log, names[0], ops[len(ops)-1].Revision)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: apply %d changes: %w", s.Driver, len(ops), err)
	}
	s.unwanted.Add(uint64(unwanted))
	return others, nil
}

// inTx calls s.fence and then do in a transaction, and commits it. If fence or do returns an error,
// inTx rolls the transaction back and returns the error.
func (s *store) inTx(ctx context.Context, do func(context.Context, bun.Tx) error) error {
	err := s.RW.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if s.fence != nil {
			if err := s.fence(ctx, tx); err != nil {
				return err
			}
		}
		return do(ctx, tx)
	})
	if err == nil {
		s.Committed(ctx)
	}
	return err
}

// batch holds the changes of one transaction by kind. Since an upsert may name a row only once, it
// has at most one Put, one Protect and one Delete of each row.
type batch struct {
	puts     []*row.Row
	protects []journal.Change
	deletes  []journal.Change
	events   []*row.Row // the rows of all Event changes
}

// fold returns the batch of changes, which are in order of revision. Of several changes of the same
// kind and row it uses the last one, except that a deletion on request takes precedence over an
// eviction.
func fold(ops []journal.Change) (b batch) {
	put, protect, gone := map[string]int{}, map[string]int{}, map[string]int{}
	for _, o := range ops {
		id := o.Row.ID
		switch o.Kind {
		case journal.Put:
			if i, ok := put[id]; ok {
				b.puts[i] = o.Row.Keeping(b.puts[i])
				continue
			}
			put[id] = len(b.puts)
			b.puts = append(b.puts, o.Row)
		case journal.Protect:
			if i, ok := protect[id]; ok {
				b.protects[i] = o
				continue
			}
			protect[id] = len(b.protects)
			b.protects = append(b.protects, o)
		case journal.Event:
			b.events = append(b.events, o.Row)
		case journal.Delete:
			if i, ok := gone[id]; ok {
				if !o.Row.Evicted { // a deletion on request takes precedence over an eviction
					b.deletes[i] = o
				}
				continue
			}
			gone[id] = len(b.deletes)
			b.deletes = append(b.deletes, o)
		}
	}
	return b
}

func idsOf(rows []*row.Row) []string {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids
}

// upsert inserts rows, and updates those whose stored revision is lower.
func (s *store) upsert(ctx context.Context, tx bun.Tx, rows []*row.Row) error {
	if len(rows) == 0 {
		return nil
	}
	if err := s.noteStreams(ctx, tx, rows); err != nil {
		return err
	}
	q := tx.NewInsert().Model(&rows)
	if s.Driver == "mysql" {
		// MySQL evaluates the assignments from left to right, with the columns as set so far. Each
		// assignment compares the column revision, which is therefore set last.
		q.On("DUPLICATE KEY UPDATE").
			Set("protected = IF(VALUES(revision) > revision AND protected_rev = 0, VALUES(protected), protected)")
		for _, col := range replaced {
			q.Set("? = IF(VALUES(revision) > revision, VALUES(?), ?)", bun.Ident(col), bun.Ident(col), bun.Ident(col))
		}
	} else {
		q.On("CONFLICT (id) DO UPDATE").Where("r.revision < EXCLUDED.revision").
			Set("protected = CASE WHEN r.protected_rev = 0 THEN EXCLUDED.protected ELSE r.protected END")
		for _, col := range replaced {
			q.Set("? = EXCLUDED.?", bun.Ident(col), bun.Ident(col))
		}
	}
	_, err := q.Exec(ctx)
	return err
}

// replaced lists the columns that a newer Put sets in an existing row. It lacks the column
// protected, which upsert sets only while no Protect has set it.
var replaced = []string{
	"node", "stream", "pipeline", "file_path", "state", "start_ns", "end_ns", "duration_ns", "span",
	"size", "tracks", "end_reason", "gap_cause", "gap_ns", "gap_chunks", "gap_step_ns", "events", "gaps", "anchors", "revision",
}

// noteStreams adds the stream paths of rows to spool_streams, from which queries read the streams below
// a prefix.
func (s *store) noteStreams(ctx context.Context, tx bun.Tx, rows []*row.Row) error {
	seen := map[string]bool{}
	var values []string
	for _, r := range rows {
		if !seen[r.Stream] {
			seen[r.Stream] = true
			values = append(values, r.Stream)
		}
	}
	head, tail := "INSERT INTO", "ON CONFLICT (path) DO NOTHING"
	if s.Driver == "mysql" {
		head, tail = "INSERT IGNORE INTO", ""
	}
	marks := strings.TrimSuffix(strings.Repeat("(?),", len(values)), ",")
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	_, err := tx.NewRaw(head+" spool_streams (path) VALUES "+marks+" "+tail, args...).Exec(ctx)
	return err
}

// move stores rev as the position of the journal whose ID is log: the revision up to which the database
// has the journal's changes. node is the name of this recorder. move leaves a stored position that is
// higher.
func (s *store) move(ctx context.Context, tx bun.Tx, log, node string, rev int64) error {
	set := "ON CONFLICT (id) DO UPDATE SET applied = EXCLUDED.applied WHERE p.applied < EXCLUDED.applied"
	alias := " AS p"
	if s.Driver == "mysql" {
		set, alias = "ON DUPLICATE KEY UPDATE applied = GREATEST(applied, VALUES(applied))", ""
	}
	_, err := tx.NewRaw("INSERT INTO spool_journals"+alias+" (id, node, applied) VALUES (?, ?, ?) "+set, log, node, rev).Exec(ctx)
	return err
}
