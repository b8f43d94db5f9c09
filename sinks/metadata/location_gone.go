package metadata

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// When the file at the own location of a recording goes, its other locations decide as follows:
//
//	the file is missing, or retention evicted it:
//	        if another location has the whole recording, the own location gets the state lost and the
//	        row the state remote; row, events and other locations stay.
//	        Otherwise the row of a missing file gets the state lost, and that of an evicted file is
//	        deleted
//	the recording is remote, and the last other location that had all of it is lost:
//	        the next upkeep gives the row the state lost: see loseRemote
//	a client deletes the recording, or its row is deleted for another reason:
//	        the row and the own location are deleted. The other locations get the state unwanted:
//	        each stays until its owner has deleted the file there
//
// If the file of a remote recording is found again, the row gets the state that the file carries.
//
// Invariant: a location whose recording has no row is unwanted. So no file at another location is
// forgotten, and SELECT ... WHERE state = 'unwanted' lists those that must still be deleted. Code that
// adds a location first locks the row of the recording and checks that it exists; the functions of this
// file decide under the same lock.

// statesWithoutFile lists the states of rows whose recorder no longer has the file: the recording's own
// location (see location.go) is lost.
var statesWithoutFile = []string{string(media.StateLost), string(media.StateRemote)}

// ownState returns the state of a recording's own location, the one in the directory of its
// recorder. s is the state of the recording's row.
func ownState(s media.State) media.State {
	if s == media.StateRemote {
		return media.StateLost
	}
	return s
}

// wholeElsewhere returns the IDs of those of the recordings ids that are stored whole at another
// location than in the directory of their recorder: a location with the state finished or recovered.
// If the caller has locked the rows of the recordings, the result remains true until the transaction
// ends.
func (s *store) wholeElsewhere(ctx context.Context, tx bun.Tx, ids []string) (out []string, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	q := selectWholeElsewhere(tx, ids)
	if s.Driver == "mysql" {
		q.For("UPDATE") // otherwise MySQL reads the rows as they were at the begin of the transaction
	}
	return out, q.Scan(ctx, &out)
}

func selectWholeElsewhere(db bun.IDB, ids []string) *bun.SelectQuery {
	return db.NewSelect().TableExpr("spool_locations AS l").Join("JOIN spool_recordings AS r ON r.id = l.recording_id").
		ColumnExpr("DISTINCT l.recording_id").Where("l.recording_id IN (?)", bun.List(ids)).
		Where("(l.bucket <> '' OR l.node <> r.node)").
		Where("l.state IN (?)", bun.List([]media.State{media.StateFinished, media.StateRecovered}))
}

// lockRows locks the rows of recordings until the transaction ends. Code that adds a location locks the
// recording's row first, so that no location of these recordings is added meanwhile.
func (s *store) lockRows(ctx context.Context, tx bun.Tx, ids []string) error {
	if s.Driver == "sqlite" || len(ids) == 0 { // sqlite has one writer at a time
		return nil
	}
	var locked []string
	return tx.NewSelect().TableExpr("spool_recordings").Column("id").Where("id IN (?)", bun.List(ids)).OrderExpr("id").For("UPDATE").Scan(ctx, &locked)
}

// keepRemote changes the state lost to remote in the stored rows of those recordings that another
// location has whole (see wholeElsewhere). rows were just written; keepRemote returns them with their
// final state. It does not change the elements of rows.
func (s *store) keepRemote(ctx context.Context, tx bun.Tx, rows []*row.Row) ([]*row.Row, error) {
	var lost []string
	for _, r := range rows {
		if r.State == string(media.StateLost) {
			lost = append(lost, r.ID)
		}
	}
	kept, err := s.wholeElsewhere(ctx, tx, lost)
	if err != nil || len(kept) == 0 {
		return rows, err
	}
	_, err = tx.NewUpdate().Table("spool_recordings").Set("state = ?", string(media.StateRemote)).
		Where("id IN (?)", bun.List(kept)).Where("state = ?", string(media.StateLost)).Exec(ctx)
	rows = slices.Clone(rows)
	for i, r := range rows {
		if slices.Contains(kept, r.ID) && r.State == string(media.StateLost) {
			remote := *r
			remote.State = string(media.StateRemote)
			rows[i] = &remote
		}
	}
	return rows, err
}

// delete applies the changes deletes, which are of kind Delete: it deletes rows and their pairs (see
// pair), and updates their locations: see dislocate. A recording that was evicted and that another
// location has whole keeps its row, with the state remote. names are the names of this recorder. nowNS
// is the time of the change, in nanoseconds since 1970 UTC. delete returns the number of locations that
// got the state unwanted.
func (s *store) delete(ctx context.Context, tx bun.Tx, names []string, deletes []journal.Change, nowNS int64) (unwanted int64, err error) {
	if len(deletes) == 0 {
		return 0, nil
	}
	var evicted []string
	own := slices.Clone(names)
	for _, o := range deletes {
		own = append(own, o.Row.Node)
		if o.Row.Evicted {
			evicted = append(evicted, o.Row.ID)
		}
	}
	if err := s.lockRows(ctx, tx, evicted); err != nil {
		return 0, err
	}
	kept, err := s.wholeElsewhere(ctx, tx, evicted)
	if err != nil {
		return 0, err
	}
	var gone []string
	for _, o := range deletes {
		if !slices.Contains(kept, o.Row.ID) {
			gone = append(gone, o.Row.ID)
			continue
		}
		_, err := tx.NewUpdate().Table("spool_recordings").Set("state = ?", string(media.StateRemote)).Set("revision = ?", o.Revision).
			Where("id = ?", o.Row.ID).Where("revision < ?", o.Revision).Exec(ctx)
		if err != nil {
			return 0, err
		}
	}
	if err := s.locate(ctx, tx, kept); err != nil || len(gone) == 0 {
		return 0, err
	}
	if _, err := tx.NewDelete().Table("spool_recordings").Where("id IN (?)", bun.List(gone)).Exec(ctx); err != nil {
		return 0, err
	}
	if unwanted, err = s.dislocate(ctx, tx, own, gone); err != nil {
		return 0, err
	}
	return unwanted, s.dropFootage(ctx, tx, gone, nowNS)
}

// dislocate updates the locations of recordings (ids) whose row was deleted. It deletes the locations
// with the state lost, and those in the directories of the nodes own. It gives all other locations the
// state unwanted: their owners must still delete the files. It returns the number of locations that
// did not have the state unwanted before.
func (s *store) dislocate(ctx context.Context, tx bun.Tx, own, ids []string) (unwanted int64, err error) {
	_, err = tx.NewDelete().Table("spool_locations").Where("recording_id IN (?)", bun.List(ids)).
		Where("(bucket = '' AND node IN (?) OR state = ?)", bun.List(own), string(media.StateLost)).Exec(ctx)
	if err != nil {
		return 0, err
	}
	done, err := tx.NewUpdate().Table("spool_locations").Set("state = ?", string(media.StateUnwanted)).
		Where("recording_id IN (?)", bun.List(ids)).Where("state <> ?", string(media.StateUnwanted)).Exec(ctx)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// loseRemote changes the state of this recorder's recordings from remote to lost if no location has the
// whole recording any more, and returns their number. It skips recordings that by excludes, because
// other code is changing them. If a location with the whole recording is added meanwhile, keepRemote
// changes the state back to remote.
func (c *Catalogue) loseRemote(ctx context.Context, by AloneWith) (n int, err error) {
	after := row.Key{StartNS: -1 << 63}
	for {
		rows, nowhere, err := c.remoteNowhere(ctx, after)
		if err != nil || len(rows) == 0 {
			return n, err
		}
		err = by(ctx, nowhere, func(ctx context.Context, free []media.ID) error {
			lost, err := c.loseEach(ctx, free)
			n += lost
			return err
		})
		if err == nil {
			err = c.Flush(ctx)
		}
		if err != nil || len(rows) < upkeepBatch {
			return n, err
		}
		after = rows[len(rows)-1].Key()
	}
}

// remoteNowhere reads this recorder's rows with the state remote that follow the key after, in order of
// row.Key and at most upkeepBatch. nowhere lists the recordings of these rows of which no location has
// all media.
func (c *Catalogue) remoteNowhere(ctx context.Context, after row.Key) (rows []*row.Row, nowhere []media.ID, err error) {
	var whole []string
	err = c.read(ctx, func(ctx context.Context, s *store) error {
		q := s.RO.NewSelect().Model(&rows).Column("id", "start_ns").Where("r.state = ?", string(media.StateRemote)).
			Where("r.node = ?", c.opts.Node).OrderExpr("r.start_ns, r.id").Limit(upkeepBatch)
		behind(q, "r.start_ns", "r.id", after)
		if err := q.Scan(ctx); err != nil || len(rows) == 0 {
			return err
		}
		return selectWholeElsewhere(s.RO, idsOf(rows)).Scan(ctx, &whole)
	})
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		if slices.Contains(whole, r.ID) {
			continue
		}
		id, err := media.ParseID(r.ID)
		if err != nil {
			return nil, nil, fmt.Errorf("catalogue row: %w", err)
		}
		nowhere = append(nowhere, id)
	}
	return rows, nowhere, nil
}

// loseEach changes the state of those recordings that still have the state remote to lost, with one
// write of the journal for all, and returns their number. It stops at the first error other than
// journal.ErrNotDurable.
func (c *Catalogue) loseEach(ctx context.Context, ids []media.ID) (n int, err error) {
	var last int64
	for _, id := range ids {
		var rev int64
		if rev, err = c.loseIfRemote(ctx, id.String()); err != nil {
			break
		}
		if rev > 0 {
			n, last = n+1, rev
		}
	}
	if last == 0 {
		return n, err
	}
	if unsafe := c.journal.Await(last); !errors.Is(unsafe, journal.ErrNotDurable) {
		err = errors.Join(err, unsafe)
	}
	return n, err
}

// loseIfRemote adds a change to the journal's next write that sets a recording's state to lost, if the
// row is this recorder's and still has the state remote. It returns the revision of the change, or 0
// if it adds none.
func (c *Catalogue) loseIfRemote(ctx context.Context, id string) (rev int64, err error) {
	now, _, err := c.lookup(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	case now.Node != c.opts.Node || now.State != string(media.StateRemote):
		return 0, nil
	}
	return c.gatherLoss(now)
}
