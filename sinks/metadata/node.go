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

// Several recorders may share a database. Each row names its node: the recorder that has the file, the
// only one that changes the row. The path in a row is relative to that node's record directory; a file
// at the same path of this directory may be another recording.
//
// The name of a node is configured, or it is the identity of the record directory. A recording that a
// pipeline writes into a directory of its own (mp4: {record_path: ...}) has the identity of that
// directory as its node.

// nodeOf returns the node for the row of a recording: the identity of the recording's directory if
// the recording is in another directory than the recorder's own, else the recorder's name.
func (c *Catalogue) nodeOf(rec media.Recording) string {
	if own := c.opts.Directory(); own != "" && rec.Directory != "" && rec.Directory != own {
		return rec.Directory
	}
	return c.opts.Node
}

// names returns the names of nodes whose rows may belong to this recorder: first the present name
// of the recorder, then its former names, then OpenOptions.TakeOver.
func (c *Catalogue) names() []string {
	return slices.Concat([]string{c.opts.Node}, *c.former.Load(), c.opts.TakeOver)
}

// mayBeOurs reports whether a row may belong to this recorder: its node is one of Catalogue.names.
func (c *Catalogue) mayBeOurs(r *row.Row) bool { return slices.Contains(c.names(), r.Node) }

// learnNames sets c.former to OpenOptions.Former and the names under which the database stores the
// identity of this record directory. It omits the name of another recorder that may still run: this
// directory is then a copy of the other recorder's directory.
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
		case slices.Contains(known, name) && !c.copyLogged.Swap(true):
			c.log.Warn("catalogue: the record directory is a copy of a running recorder's directory: the rows of the copied files stay with that recorder",
				"node", name, "host", r.Host, "record_path", r.Path, "here", c.opts.Place.Path,
				"advice", "where a directory is copied for another recorder, delete .spool-directory in the copy before its first start")
		}
	}
	c.former.Store(&former)
	return nil
}

// learnNamesAgain calls learnNames again: a recorder whose name it omitted may have ended since.
func (c *Catalogue) learnNamesAgain(ctx context.Context) error {
	return c.read(ctx, c.learnNames)
}

// livingClaim returns the claim on a name if a recorder of another place made it and may still run;
// else nil.
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

// divide separates changes. Those of rows that are new, or whose node is one of names, are in mine.
// Those of other recorders' rows are in others: a file that was copied to this disk has the ID of
// the other recorder's row.
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

// leftAlone counts and logs the changes that store.write did not apply because their row is another
// recorder's.
func (c *Catalogue) leftAlone(others []journal.Change) {
	c.others.Add(uint64(len(others)))
	for _, o := range others {
		c.log.Warn("catalogue: the row of a file on this disk is another recorder's and stays unchanged: the file is a copy",
			"recording", o.Row.ID, "file", o.Row.Path)
	}
}

// adopt changes the node of rows to this recorder's name. It adopts all rows of the nodes in
// TakeOver. It adopts a row of a former name only if the file is on this disk and carries the row's
// ID: the name alone proves nothing, since it may have been the host name, which two hosts can
// share.
//
// adopt adopts most rows in one transaction. Rows of recordings that other code is changing follow
// one by one, each after that change. adopt replaces each element of rows with a node of TakeOver or a
// former name by the row as it is after the adoption.
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

// adoptNow adopts those of the recordings ids whose rows belong to this recorder, while no other
// code changes them. It returns the rows of all of the recordings as they are now, without deleted
// ones.
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

// take sets the node of rows to this recorder's name, in the database and in the pending changes.
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

// takeMoved adopts the row of a recording whose file was found at another path than the path in the
// row.
func (r *reconciliation) takeMoved(ctx context.Context, known media.Record) error {
	old, _, err := r.c.lookup(ctx, known.ID.String())
	if err != nil {
		return err
	}
	r.report.NotAdopted-- // adoptNow counted it: the file was not at the row's path
	taken := *old         // a copy, since the journal's changes may share the row
	return r.take(ctx, []*row.Row{&taken})
}

// proves reports whether the file of a row is on this disk, with or without the suffix .part, and
// carries the row's ID.
func (r *reconciliation) proves(row *row.Row) bool {
	plain := strings.TrimSuffix(row.Path, media.PartSuffix)
	for _, name := range []string{plain, plain + media.PartSuffix} {
		if rec, err := r.entry(name); err == nil && rec.ID.String() == row.ID {
			return true
		}
	}
	return false
}

// rename sets the node of rows, and of the events that they name, to this recorder's name in the
// database, and moves the rows' own locations (see relocate). It returns the IDs of the rows. It
// changes only rows and events whose stored node is one of c.names().
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
