package metadata

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// Whose a row is. Several recorders share a database: each row has the name of the
// one that has its file, and nobody else acts on it. The path in a row is below the
// record directory of that recorder; here a file of the same name may be another
// recording.
//
// A name is configured, or it is the identity of the record directory. A recording
// in a directory of its own (mp4: {record_path: ...} in a branch) has that one's identity
// for a name.

// nodeOf is the name that a recording's row gets.
func (c *Catalogue) nodeOf(rec media.Recording) string {
	if own := c.opts.Directory(); own != "" && rec.Directory != "" && rec.Directory != own {
		return rec.Directory
	}
	return c.opts.Node
}

// names are those under which rows may be this recorder's, its own first.
func (c *Catalogue) names() []string {
	return slices.Concat([]string{c.opts.Node}, *c.former.Load(), c.opts.TakeOver)
}

// mayBeOurs is for a row whose file was found here.
func (c *Catalogue) mayBeOurs(r *row.Row) bool { return slices.Contains(c.names(), r.Node) }

// learnNames asks the database under which names this record directory is known. One
// that another recorder has, which lives, is no former name of this one: the directory, or
// the machine, was copied.
func (c *Catalogue) learnNames(ctx context.Context, s *store) error {
	var known []string
	own := c.opts.Directory()
	if own != "" {
		err := s.RW.NewSelect().TableExpr("spool_directories").Column("node").Where("identity = ?", own).Scan(ctx, &known)
		if err != nil {
			return err
		}
	}
	var former []string
	for _, name := range slices.Concat(c.opts.Former, known) {
		if name == c.opts.Node || slices.Contains(former, name) {
			continue
		}
		r, err := c.livingClaim(ctx, s, name)
		switch {
		case err != nil:
			return err
		case r == nil:
			former = append(former, name)
		case slices.Contains(known, name) && !c.copyTold.Swap(true):
			c.log.Warn("catalogue: the record directory is a copy of that of a recorder which lives: rows of files that were copied stay that one's",
				"node", name, "host", r.Host, "record_path", r.Path, "here", c.opts.Place.Path,
				"advice", "where a directory is copied for another recorder, delete .spool-directory in the copy before its first start")
		}
	}
	c.former.Store(&former)
	return nil
}

// learnNamesAgain looks whether those that lived still do.
func (c *Catalogue) learnNamesAgain(ctx context.Context) error {
	return c.read(ctx, c.learnNames)
}

// livingClaim is the claim of a recorder on another name, where it may live.
func (c *Catalogue) livingClaim(ctx context.Context, s *store, name string) (*claimRow, error) {
	if c.opts.Place == nil {
		return nil, nil
	}
	r, err := s.claimOf(ctx, s.RW, name)
	if err != nil || r == nil || c.opts.Place.sameDirectory(r.Place) || c.life(s, r, &watch{}) == gone {
		return nil, err
	}
	return r, nil
}

// divide finds the changes of rows that are another recorder's: a file that was
// copied here carries the ID of its row.
func (s *store) divide(ctx context.Context, tx bun.Tx, names []string, ops []journal.Change) (mine, others []journal.Change, err error) {
	ids := make([]string, len(ops))
	for i, o := range ops {
		ids[i] = o.Row.ID
	}
	var rows []struct{ ID, Node string }
	err = tx.NewSelect().TableExpr("spool_recordings").Column("id", "node").
		Where("id IN (?)", bun.List(ids)).Where("node NOT IN (?)", bun.List(names)).Scan(ctx, &rows)
	if err != nil || len(rows) == 0 {
		return ops, nil, err
	}
	of := map[string]string{}
	for _, r := range rows {
		of[r.ID] = r.Node
	}
	for _, o := range ops {
		if node, other := of[o.Row.ID]; other && node != o.Row.Node {
			others = append(others, o)
		} else {
			mine = append(mine, o)
		}
	}
	return mine, others, nil
}

// leftAlone tells of the changes that write left out.
func (c *Catalogue) leftAlone(others []journal.Change) {
	c.others.Add(uint64(len(others)))
	for _, o := range others {
		c.log.Warn("catalogue: the row of a file that is here is another recorder's and stays as it is: the file is a copy",
			"recording", o.Row.ID, "file", o.Row.Path)
	}
}

// adopt makes rows this recorder's that have another name: those of its former
// names whose file is here and says so itself, and all that it takes over. A former
// name proves nothing: before names were kept with the directory, two recorders on hosts of
// one name had the same.
//
// The rows are adopted as they are while nothing else changes their recordings, many in one
// transaction; the caller's become those. Recordings that something else is changing follow one
// by one, each once that is over.
func (r *reconciliation) adopt(ctx context.Context, rows []*row.Row) error {
	at, ids := map[media.ID]int{}, []media.ID(nil)
	for i, row := range rows {
		if row.Node == r.c.opts.Node || !slices.Contains(r.c.names(), row.Node) {
			continue
		}
		id, err := media.ParseID(row.ID)
		if err != nil {
			return fmt.Errorf("catalogue row: %w", err)
		}
		at[id], ids = i, append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	adopt := func(ctx context.Context, free []media.ID) error {
		now, err := r.adoptNow(ctx, free)
		for _, id := range free {
			if row, known := now[id]; known {
				rows[at[id]] = row
			}
			delete(at, id)
		}
		return err
	}
	err := r.AloneWith(ctx, ids, adopt)
	for _, id := range ids {
		if _, left := at[id]; left && err == nil {
			err = r.change(ctx, id, func(ctx context.Context) error { return adopt(ctx, []media.ID{id}) })
		}
	}
	return err
}

// adoptNow adopts those rows of recordings that it may, for a caller that has the
// recordings for itself, and returns all of them as they are then, but those that are
// deleted.
func (r *reconciliation) adoptNow(ctx context.Context, ids []media.ID) (map[media.ID]*row.Row, error) {
	now, err := r.c.lookupAll(ctx, ids)
	if err != nil {
		return nil, err
	}
	var own []*row.Row
	for _, row := range now {
		switch {
		case row.Node == r.c.opts.Node || !slices.Contains(r.c.names(), row.Node):
		case slices.Contains(r.c.opts.TakeOver, row.Node), r.proves(row):
			own = append(own, row)
		default:
			r.report.NotAdopted++
		}
	}
	if len(own) == 0 {
		return now, nil
	}
	return now, r.take(ctx, own)
}

// take makes rows this recorder's.
func (r *reconciliation) take(ctx context.Context, own []*row.Row) error {
	ids, err := r.c.rename(ctx, own)
	if err != nil {
		return err
	}
	for _, row := range own {
		row.Node = r.c.opts.Node
	}
	r.c.pending.rename(ids, r.c.opts.Node)
	r.report.Adopted += len(own)
	return nil
}

// takeMoved is adopt for the row of a file that is here under another path.
func (r *reconciliation) takeMoved(ctx context.Context, known media.Record) error {
	old, _, err := r.c.lookup(ctx, known.ID.String())
	if err != nil {
		return err
	}
	r.report.NotAdopted-- // the path in the row proved nothing
	taken := *old         // which the journal's changes may hold
	return r.take(ctx, []*row.Row{&taken})
}

// proves reports whether the file of a row is here, under either of its names.
func (r *reconciliation) proves(row *row.Row) bool {
	plain := strings.TrimSuffix(row.Path, media.PartSuffix)
	for _, name := range []string{plain, plain + media.PartSuffix} {
		if rec, err := r.entry(name); err == nil && rec.ID.String() == row.ID {
			return true
		}
	}
	return false
}

// rename gives rows, and the events that they name, this recorder's name, unless
// they have got another one meanwhile. Nothing else of a row changes, so that what
// is written to it at the same time stays.
func (c *Catalogue) rename(ctx context.Context, rows []*row.Row) (ids []string, err error) {
	events, err := eventsOf(rows)
	if err != nil {
		return nil, err
	}
	ids = idsOf(rows)
	eventIDs := make([]string, len(events))
	for i := range events {
		eventIDs[i] = events[i].ID
	}
	names := bun.List(c.names())
	return ids, c.read(ctx, func(ctx context.Context, s *store) error {
		return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
			set := func(table string, ids []string) error {
				_, err := tx.NewUpdate().Table(table).Set("node = ?", c.opts.Node).
					Where("id IN (?)", bun.List(ids)).Where("node IN (?)", names).Exec(ctx)
				return err
			}
			if err := set("spool_recordings", ids); err != nil {
				return err
			}
			if err := s.relocate(ctx, tx, ids, c.names()); err != nil || len(eventIDs) == 0 {
				return err
			}
			return set("spool_events", eventIDs)
		})
	})
}
