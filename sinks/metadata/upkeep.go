package metadata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/wallclock"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// UpkeepOptions configures Upkeep. A duration of 0 means that the rows are kept for ever.
type UpkeepOptions struct {
	KeepEvents time.Duration // how long an event is kept after its last recording was deleted or lost
	KeepLost   time.Duration // how long a row is kept after it became lost; a protected row is kept for ever

	// AloneWith excludes other changes of recordings: see the type AloneWith. nil: no other code
	// changes recordings.
	AloneWith AloneWith
}

// UpkeepReport is the result of Upkeep.
type UpkeepReport struct {
	Events, Lost int // number of deleted events, and of deleted rows with the state lost
	NewlyLost    int // number of remote rows that became lost, since no location has the whole recording
}

// upkeepBatch is the most rows that one transaction of Upkeep changes.
const upkeepBatch = 500

// Upkeep deletes this recorder's events and its rows with the state lost that are older than
// UpkeepOptions permits. It gives the state lost to remote recordings that no location has whole. It
// also adds the links between events and recordings, and the locations, that an earlier version of
// spool did not store. It works in batches and may be interrupted at any time. It returns
// ErrUnavailable while the database does not answer.
func (c *Catalogue) Upkeep(ctx context.Context, o UpkeepOptions) (k UpkeepReport, err error) {
	if err = c.completeOld(ctx); err != nil {
		return k, err
	}
	now := c.opts.Clock.Now()
	if err = c.redate(ctx, now); err != nil {
		return k, err
	}
	if o.AloneWith == nil {
		o.AloneWith = unhindered
	}
	if k.NewlyLost, err = c.loseRemote(ctx, o.AloneWith); err != nil {
		return k, err
	}
	if o.KeepEvents > 0 {
		if err = c.dateWithoutFootage(ctx, now.Add(-o.KeepEvents)); err == nil {
			k.Events, err = c.dropEvents(ctx, now.Add(-o.KeepEvents))
		}
	}
	if err == nil && o.KeepLost > 0 {
		k.Lost, err = c.dropLost(ctx, now.Add(-o.KeepLost), o.AloneWith)
	}
	return k, err
}

// redate corrects the times from which Upkeep computes ages, if a wrong clock has set them: it sets
// gone_ns of such events, and the revision of such rows with the state lost, to now. A revision is a
// time that can only grow: redate leaves one that lies in the future, and such a row is kept longer.
func (c *Catalogue) redate(ctx context.Context, now time.Time) error {
	if err := c.redateLost(ctx); err != nil {
		return err
	}
	return c.inTx(ctx, func(ctx context.Context, s *store, tx bun.Tx) error {
		_, err := tx.NewUpdate().Table("spool_events").Set("gone_ns = ?", now.UnixNano()).
			Where("gone_ns > 0").Where("node = ?", c.opts.Node).
			Where("(gone_ns < ? OR gone_ns > ?)", wallclock.Plausible.UnixNano(), now.Add(24*time.Hour).UnixNano()).Exec(ctx)
		return err
	})
}

// redateLost calls Put again for this recorder's rows with the state lost whose revision, a time, is
// before wallclock.Plausible. So each gets a new revision. It does this for at most upkeepBatch rows;
// the next Upkeep continues.
func (c *Catalogue) redateLost(ctx context.Context) error {
	var rows []*row.Row
	err := c.read(ctx, func(ctx context.Context, s *store) error {
		return s.RO.NewSelect().Model(&rows).Where("r.state = ?", string(media.StateLost)).Where("r.node = ?", c.opts.Node).
			Where("r.revision < ?", wallclock.Plausible.UnixNano()).Limit(upkeepBatch).Scan(ctx)
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	for _, r := range rows {
		rec, err := r.Record(false)
		if err != nil {
			return err
		}
		if err := c.Put(ctx, rec.Recording); err != nil && !errors.Is(err, journal.ErrNotDurable) {
			return err
		}
	}
	return c.Flush(ctx)
}

// dropEvents deletes this recorder's events whose last recording was deleted or lost before a time
// (column gone_ns), and returns their number.
func (c *Catalogue) dropEvents(ctx context.Context, before time.Time) (n int, err error) {
	for {
		var ids []string
		err := c.inTx(ctx, func(ctx context.Context, s *store, tx bun.Tx) error {
			err := tx.NewSelect().TableExpr("spool_events").Column("id").
				Where("gone_ns > 0").Where("gone_ns < ?", before.UnixNano()).Where("node = ?", c.opts.Node).
				OrderExpr("gone_ns, id").Limit(upkeepBatch).Scan(ctx, &ids)
			if err != nil || len(ids) == 0 {
				return err
			}
			// The conditions are repeated: an event may have got a recording since the SELECT.
			_, err = tx.NewDelete().Table("spool_events").Where("id IN (?)", bun.List(ids)).
				Where("gone_ns > 0").Where("gone_ns < ?", before.UnixNano()).Exec(ctx)
			return err
		})
		n += len(ids)
		if err != nil || len(ids) < upkeepBatch {
			return n, err
		}
	}
}

// dropLost deletes this recorder's unprotected rows that got the state lost before a time, and returns
// their number. It leaves the rows of recordings that other code is changing to the next Upkeep.
func (c *Catalogue) dropLost(ctx context.Context, before time.Time, by AloneWith) (n int, err error) {
	for range 1000 { // a bound: a row that forget keeps is read again in each round
		var rows []*row.Row
		err := c.read(ctx, func(ctx context.Context, s *store) error {
			return s.RO.NewSelect().Model(&rows).Where("r.state = ?", string(media.StateLost)).
				Where("r.protected = 0").Where("r.node = ?", c.opts.Node).Where("r.revision < ?", before.UnixNano()).Where("r.revision >= ?", wallclock.Plausible.UnixNano()).
				OrderExpr("r.start_ns, r.id").Limit(upkeepBatch).Scan(ctx)
		})
		if err != nil || len(rows) == 0 {
			return n, err
		}
		ids, path := make([]media.ID, len(rows)), make(map[media.ID]string, len(rows))
		for i, r := range rows {
			if ids[i], err = media.ParseID(r.ID); err != nil {
				return n, fmt.Errorf("catalogue row: %w", err)
			}
			path[ids[i]] = r.Path
		}
		free := 0
		err = by(ctx, ids, func(ctx context.Context, these []media.ID) error {
			gone := make([]media.DeletedFile, len(these))
			for i, id := range these {
				gone[i] = media.DeletedFile{ID: id, Path: path[id]}
			}
			free = len(these)
			return c.forget(ctx, gone, func(r *row.Row) bool { return r.State == string(media.StateLost) }) // the file may have come back
		})
		if err == nil {
			err = c.Flush(ctx)
		}
		if err != nil {
			return n, err
		}
		if n += free; len(rows) < upkeepBatch {
			break
		}
	}
	return n, nil
}

// inTx calls do in a transaction for a change that does not come from the journal. It tries up to
// four times if another recorder holds a lock. Its errors are those of Catalogue.read.
func (c *Catalogue) inTx(ctx context.Context, do func(context.Context, *store, bun.Tx) error) error {
	return c.read(ctx, func(ctx context.Context, s *store) error {
		var err error
		for range 4 {
			err = s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error { return do(ctx, s, tx) })
			if err == nil || database.TroubleOf(err) != database.Busy {
				break
			}
		}
		return err
	})
}

// An upkeep task adds, once for each database, the entries that an earlier version of spool did not
// store. spool_upkeep holds the position of each task, at which it resumes.
const (
	pairing  = "event footage" // name of the task that adds the pairs of spool_event_recordings
	taskDone = "done"          // position of a task that has ended
)

// completeOld runs the upkeep tasks pairing and locating, in this order, each from its stored position.
// It skips a task that has ended.
func (c *Catalogue) completeOld(ctx context.Context) error {
	if err := c.finishTask(ctx, pairing, c.pairBatch); err != nil {
		return err
	}
	return c.finishTask(ctx, locating, func(ctx context.Context, s *store, tx bun.Tx, at string) (string, int64, error) {
		return s.locateBatch(ctx, tx, at)
	})
}

// progressEvery is the interval at which a long upkeep task logs its progress.
const progressEvery = 10 * time.Second

// taskBatch performs the next batch of an upkeep task, in the transaction tx. at is the position
// behind the previous batch; "" before the first one. It returns the position behind this batch, or
// taskDone after the last batch, and the number of entries that it added.
type taskBatch = func(ctx context.Context, s *store, tx bun.Tx, at string) (next string, added int64, err error)

// finishTask runs an upkeep task in batches to its end, unless the task has ended before. Each
// batch is a transaction that also stores the task's position. So other writers can run between two
// batches, and after a kill the task resumes at the position. Several recorders may run the same
// task at once; they share its position. finishTask logs its progress once the task has added an
// entry.
func (c *Catalogue) finishTask(ctx context.Context, task string, batch taskBatch) error {
	began := c.opts.Clock.Now()
	logged := began
	for rows := int64(0); ; {
		var at string
		var added int64
		err := c.inTx(ctx, func(ctx context.Context, s *store, tx bun.Tx) error {
			at, added = "", 0 // an earlier attempt that was rolled back may have set them
			err := tx.NewSelect().TableExpr("spool_upkeep").Column("position").Where("task = ?", task).Scan(ctx, &at)
			if err != nil && !errors.Is(err, sql.ErrNoRows) || at == taskDone {
				return err
			}
			next, n, err := batch(ctx, s, tx, at)
			if err != nil {
				return err
			}
			at, added = next, n
			return s.moveTask(ctx, tx, task, next)
		})
		if err != nil {
			return err
		}
		rows += added
		if now := c.opts.Clock.Now(); rows > 0 && (at == taskDone || now.Sub(logged) >= progressEvery) {
			logged = now
			c.log.Info("catalogue: completing the rows of an earlier version", "task", task, "rows", rows, "position", at, "took", now.Sub(began).Round(time.Millisecond))
		}
		if at == taskDone {
			return nil
		}
	}
}

// moveTask stores the position next of an upkeep task, unless another recorder has finished the
// task.
func (s *store) moveTask(ctx context.Context, tx bun.Tx, task, next string) error {
	set, alias := "ON CONFLICT (task) DO UPDATE SET position = EXCLUDED.position WHERE u.position <> ?", " AS u"
	if s.Driver == "mysql" {
		set, alias = "ON DUPLICATE KEY UPDATE position = IF(position = ?, position, VALUES(position))", ""
	}
	_, err := tx.NewRaw("INSERT INTO spool_upkeep"+alias+" (task, position) VALUES (?, ?) "+set, task, next, taskDone).Exec(ctx)
	return err
}

// pairBatch performs one batch of the upkeep task pairing, with the parameters and results of
// taskBatch. The first phase of the task, "recordings", adds the missing pairs (event, recording). The
// second phase, "events", sets gone_ns of the events without a pair. A position contains the phase and
// the key of the last row that was read.
func (c *Catalogue) pairBatch(ctx context.Context, s *store, tx bun.Tx, at string) (next string, added int64, err error) {
	phase, after := "recordings", row.Key{StartNS: -1 << 63}
	if at != "" {
		if _, err := fmt.Sscanf(at, "%s %d %s", &phase, &after.StartNS, &after.ID); err != nil {
			return "", 0, fmt.Errorf("spool_upkeep: position %q: %w", at, err)
		}
	}
	var n int
	var last row.Key
	if phase == "recordings" {
		n, added, last, err = s.pairRecordings(ctx, tx, after)
	} else {
		n, last, err = s.dateEvents(ctx, tx, after, c.opts.Clock.Now().UnixNano())
	}
	switch {
	case err != nil:
		return "", 0, err
	case n == upkeepBatch:
		return fmt.Sprintf("%s %d %s", phase, last.StartNS, last.ID), added, nil
	case phase == "recordings":
		return fmt.Sprintf("events %d %s", int64(-1<<63), "-"), added, nil
	}
	return taskDone, 0, nil
}

// pairRecordings reads the recordings that follow the key after, at most upkeepBatch, and adds their
// missing pairs (event, recording). It returns the number of recordings that it read, the number of
// pairs that it added, and the key of the last recording. It locks the rows, so that no recording is
// deleted before the transaction ends.
func (s *store) pairRecordings(ctx context.Context, tx bun.Tx, after row.Key) (n int, added int64, last row.Key, err error) {
	var rows []*row.Row
	q := tx.NewSelect().Model(&rows).Column("id", "start_ns", "state", "events").OrderExpr("r.start_ns, r.id").Limit(upkeepBatch)
	behind(q, "r.start_ns", "r.id", after)
	switch s.Driver {
	case "postgres":
		q.For("SHARE")
	case "mysql":
		q.For("UPDATE")
	}
	if err := q.Scan(ctx); err != nil || len(rows) == 0 {
		return 0, 0, last, err
	}
	pairs, _, err := pairsOf(rows)
	if err == nil {
		added, err = s.addPairs(ctx, tx, pairs)
	}
	return len(rows), added, rows[len(rows)-1].Key(), err
}

// dateEvents reads the events that follow the key after, at most upkeepBatch. It sets gone_ns to nowNS
// for those of them that are linked to no recording and have gone_ns 0. It returns the number of
// events that it read, and the key of the last one.
func (s *store) dateEvents(ctx context.Context, tx bun.Tx, after row.Key, nowNS int64) (n int, last row.Key, err error) {
	var rows []eventRow
	q := tx.NewSelect().Model(&rows).Column("id", "at_ns").OrderExpr("e.at_ns, e.id").Limit(upkeepBatch)
	behind(q, "e.at_ns", "e.id", after)
	if err := q.Scan(ctx); err != nil || len(rows) == 0 {
		return 0, last, err
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	end := rows[len(rows)-1]
	return len(rows), row.Key{StartNS: end.AtNS, ID: end.ID}, s.noteGone(ctx, tx, ids, nowNS)
}

// behind restricts a query to the rows that follow the key after, in ascending order of row.Key. start
// and id are the names of the key's columns. behind does not restrict the query if the key's ID is
// empty or "-": the key then stands for the begin of the table.
func behind(q *bun.SelectQuery, start, id string, after row.Key) {
	if after.ID != "" && after.ID != "-" {
		q.Where(start+" >= ?", after.StartNS).Where("("+start+" > ? OR "+id+" > ?)", after.StartNS, after.ID)
	}
}
