package metadata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// Records returns a page of the recordings that match a query, from the database and from the
// pending changes. While the database does not answer, the page is Degraded: it has only recordings
// with pending changes or growing files. For an invalid query the error is a media.ErrQuery or
// ErrCursor.
//
// Records copies the pending changes before it reads the database: it then misses no change, even
// one that is applied in between.
func (c *Catalogue) Records(ctx context.Context, q media.Query) (media.Page, error) {
	a, err := parseQuery(q)
	if err != nil {
		return media.Page{}, err
	}
	newer := c.pending.snapshot()
	earlier := c.takeEarlier(newer)
	rows, rest, degraded, err := c.stored(ctx, a, newer)
	if err != nil {
		return media.Page{}, err
	}
	if degraded {
		maps.Copy(newer, earlier)
	}
	for _, e := range newer {
		if !e.deleted && a.matches(e.row) && (rest == nil || !a.before(*rest, e.row.Key())) {
			rows = append(rows, e.row)
		}
	}
	slices.SortFunc(rows, func(x, y *row.Row) int {
		if a.ascending {
			return x.Key().Compare(y.Key())
		}
		return y.Key().Compare(x.Key())
	})
	page := media.Page{Degraded: degraded, Stalled: c.Stalled()}
	page.Behind = func(i int) string { return encodeCursor(rows[i].Key(), a.mark()) }
	if n := a.fitting(rows); n < len(rows) || rest != nil {
		rows = rows[:n]
		page.Next = page.Behind(n - 1)
	}
	page.Records = make([]media.Record, 0, len(rows))
	for _, r := range rows {
		e, ok := newer[r.ID]
		rec, err := c.record(r, ok && !e.applied)
		if err != nil {
			return media.Page{}, err
		}
		page.Records = append(page.Records, rec)
	}
	c.addLocations(ctx, page.Records)
	return page, nil
}

// takeEarlier removes some of the states from newer and returns them: those of growing recordings that
// an earlier process began and whose newest change the database has. Queries prefer the rows in the
// database to these states: another process, such as spool reindex, may have changed the rows since.
func (c *Catalogue) takeEarlier(newer map[string]entry) map[string]entry {
	earlier := map[string]entry{}
	for id, e := range newer {
		if recording, err := media.ParseID(id); e.applied && err == nil && !c.begun.began(recording) {
			earlier[id] = e
			delete(newer, id)
		}
	}
	return earlier
}

// record converts a row into a record, and sets its fields Pending, to pending, and Elsewhere.
func (c *Catalogue) record(r *row.Row, pending bool) (media.Record, error) {
	rec, err := r.Record(pending)
	rec.Elsewhere = err == nil && rec.Node != c.opts.Node
	return rec, err
}

// fitting returns how many of the rows fit on a page by its limit and maxBytes: at least one, if there is
// a row.
func (a *parsedQuery) fitting(rows []*row.Row) (n int) {
	bytes := 0
	for _, r := range rows[:min(len(rows), a.limit)] {
		if bytes += r.Bytes(); n > 0 && a.maxBytes > 0 && bytes > a.maxBytes {
			break
		}
		n++
	}
	return n
}

// stored reads from the database the rows of a page and one more. It omits the rows of recordings in
// newer, which holds the states after the pending changes. If it stops earlier because the rows exceed
// a.maxBytes, rest is the key of the last row that it read; else rest is nil. If the database does not
// answer, degraded is true, and rows and err are nil.
func (c *Catalogue) stored(ctx context.Context, a parsedQuery, newer map[string]entry) (rows []*row.Row, rest *row.Key, degraded bool, err error) {
	want := a.limit + 1
	for a.limit = want; len(rows) < want; {
		got, full, err := c.readPage(ctx, &a)
		if errors.Is(err, ErrUnavailable) {
			return nil, nil, true, nil
		}
		if err != nil {
			return nil, nil, false, err
		}
		for _, r := range got {
			_, known := newer[r.ID]
			// After a rollback on a full disk MariaDB was seen to return a row twice.
			if twice := len(rows) > 0 && rows[len(rows)-1].ID == r.ID; !known && !twice {
				rows = append(rows, r)
			}
		}
		if len(got) < a.limit && !full {
			break
		}
		last := got[len(got)-1].Key()
		if a.after = &last; full && len(rows) > 0 {
			return rows, &last, false, nil
		}
	}
	return rows, nil, false, nil
}

// readPage reads the next rows of a query from the database, with the results of store.page and the
// errors of Catalogue.read.
func (c *Catalogue) readPage(ctx context.Context, a *parsedQuery) (rows []*row.Row, full bool, err error) {
	err = c.read(ctx, func(ctx context.Context, s *store) error {
		rows, full, err = s.page(ctx, a)
		return err
	})
	return rows, full, err
}

// read calls use with the database, and with a context that ends after QueryTimeout. It returns
// ErrUnavailable at once while the database does not answer. It also returns ErrUnavailable if use
// returns an error of the database; apply then checks the connection. It returns sql.ErrNoRows and
// ErrClaimed unchanged, and the cause of ctx if ctx has ended.
func (c *Catalogue) read(ctx context.Context, use func(context.Context, *store) error) error {
	s := c.store.Load()
	if s == nil || !c.up.Load() || c.closing.Load() {
		return ErrUnavailable
	}
	inner, cancel := context.WithTimeout(ctx, c.opts.QueryTimeout)
	defer cancel()
	err := use(inner, s)
	switch {
	case err == nil || errors.Is(err, sql.ErrNoRows) || errors.Is(err, ErrClaimed):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	if database.Malformed(err) {
		c.noteMalformed(err)
	}
	if kind := database.TroubleOf(err); kind == database.Away {
		c.down(err)
	} else if now := c.opts.Clock.Now().Unix() / 60; !c.stalled.Load() && c.refusedMinute.Swap(now) != now {
		// The database answers: log this at most once a minute.
		c.log.Warn("catalogue: the database refuses a statement", "driver", c.opts.Driver, "error", c.redact(err), adviceAttr(database.Advice[kind]))
	}
	s.Anew()
	c.kick()
	return ErrUnavailable
}

// Record returns one recording with its locations. It returns ErrNotFound for an unknown ID, and
// ErrUnavailable if the recording has no pending change and the database does not answer.
func (c *Catalogue) Record(ctx context.Context, id media.ID) (media.Record, error) {
	r, pending, err := c.lookup(ctx, id.String())
	if err != nil {
		return media.Record{}, err
	}
	rec, err := c.record(r, pending)
	if err != nil {
		return rec, err
	}
	recs := []media.Record{rec}
	c.addLocations(ctx, recs)
	return recs[0], nil
}

// lookup returns the newest row of a recording, and whether it has a pending change. The caller must not
// change the row. Its errors are those of Record.
func (c *Catalogue) lookup(ctx context.Context, id string) (r *row.Row, pending bool, err error) {
	e, known := c.pending.find(id)
	if known && e.deleted {
		return nil, false, ErrNotFound
	}
	stored := new(row.Row)
	err = c.read(ctx, func(ctx context.Context, s *store) error {
		return s.RO.NewSelect().Model(stored).Where("id = ?", id).Scan(ctx)
	})
	switch {
	case known && err == nil:
		return newest(e.row, stored), !e.applied, nil
	case known && (errors.Is(err, ErrUnavailable) || errors.Is(err, sql.ErrNoRows)):
		return e.row, !e.applied, nil
	case errors.Is(err, sql.ErrNoRows):
		return nil, false, ErrNotFound
	case err != nil:
		return nil, false, err
	}
	return stored, false, nil
}

// lookupAll returns the newest rows of many recordings, by ID. It omits recordings without a row,
// and returns ErrUnavailable while the database does not answer. The caller owns the rows.
func (c *Catalogue) lookupAll(ctx context.Context, ids []media.ID) (map[media.ID]*row.Row, error) {
	text, newer := make([]string, len(ids)), make(map[media.ID]entry)
	for i, id := range ids {
		text[i] = id.String()
		if e, known := c.pending.find(text[i]); known { // before the query: see Records
			newer[id] = e
		}
	}
	var stored []*row.Row
	err := c.read(ctx, func(ctx context.Context, s *store) error {
		return s.RO.NewSelect().Model(&stored).Where("id IN (?)", bun.List(text)).Scan(ctx)
	})
	if err != nil {
		return nil, err
	}
	out := make(map[media.ID]*row.Row, len(ids))
	for _, r := range stored {
		id, err := media.ParseID(r.ID)
		if err != nil {
			return nil, fmt.Errorf("catalogue row: %w", err)
		}
		out[id] = r
	}
	for id, e := range newer {
		switch {
		case e.deleted:
			delete(out, id)
		case out[id] == nil:
			r := *e.row
			out[id] = &r
		default:
			out[id] = newest(e.row, out[id])
		}
	}
	return out, nil
}

// newest returns a copy of the newer of two rows of a recording, with the protection that was set
// last in either.
func newest(pending, stored *row.Row) *row.Row {
	r := *pending
	if stored.Revision > pending.Revision {
		r = *stored
	}
	last := pending
	if stored.ProtectedRev > pending.ProtectedRev {
		last = stored
	}
	if last.ProtectedRev > 0 {
		r.Protected, r.ProtectedRev = last.Protected, last.ProtectedRev
	}
	return &r
}

// SetProtected sets or clears the protection of a recording against deletion, and returns the
// changed record. It returns once the journal is synced, with the errors of Record and Put. For
// another recorder's recording it returns ErrOtherNode. No other code may change the recording
// meanwhile.
func (c *Catalogue) SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error) {
	old, _, err := c.lookup(ctx, id.String())
	if err != nil {
		return media.Record{}, err
	}
	if old.Node != c.opts.Node {
		return media.Record{}, fmt.Errorf("%w: %s", ErrOtherNode, old.Node)
	}
	r := *old
	r.Protected = row.Bit(protected)
	_, err = c.append(journal.Protect, &r, max(old.ProtectedRev, old.Revision))
	if err != nil && !errors.Is(err, journal.ErrNotDurable) {
		return media.Record{}, err
	}
	rec, bad := c.record(&r, true)
	return rec, errors.Join(err, bad)
}

// ProtectedBytes returns the total size of this recorder's protected recordings whose file is on its
// disk. It returns ErrUnavailable while the database does not answer.
func (c *Catalogue) ProtectedBytes(ctx context.Context) (n int64, err error) {
	err = c.read(ctx, func(ctx context.Context, s *store) error {
		return s.RO.NewSelect().TableExpr("spool_recordings").ColumnExpr("COALESCE(SUM(size), 0)").
			Where("protected = 1").Where("node = ?", c.opts.Node).Where("state NOT IN (?)", bun.List(statesWithoutFile)).Scan(ctx, &n)
	})
	return n, err
}

// Changed returns a channel that is closed when a change becomes pending or is applied.
func (c *Catalogue) Changed() <-chan struct{} { return c.pending.change() }

// readyEvery is the interval at which Ready checks whether the database answers.
const readyEvery = 20 * time.Millisecond

// Ready waits until the database answers and no change is pending. If ctx ends before the database
// has answered, it returns ErrUnavailable with the database's error; else it returns the error of
// Flush.
func (c *Catalogue) Ready(ctx context.Context) error {
	for !c.up.Load() || c.lacking.Load() && !c.Stalled() {
		if !pipeline.Sleep(ctx, c.opts.Clock, readyEvery, nil) {
			why := "it has not answered yet"
			if text, _, _, _ := c.failing.Read(); text != "" {
				why = text
			}
			return fmt.Errorf("%w: %s", ErrUnavailable, why)
		}
	}
	return c.Flush(ctx)
}
