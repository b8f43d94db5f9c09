package metadata

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/journal"
)

// apply writes the pending changes to the database until ctx ends, and returns nil. replayEnd is the
// newest revision that was in the journal at the start: the database may already hold changes up to it.
//
// It does not use pipeline.Retry: the reaction to a failure depends on its cause, each cause
// has its own longest wait, and only a success resets the backoff.
func (c *Catalogue) apply(ctx context.Context, replayEnd int64) error {
	backoff := pipeline.Backoff{Min: 100 * time.Millisecond, Max: 5 * time.Second}
	c.batch = c.opts.BatchSize
	for ctx.Err() == nil {
		err := c.stillMalformed(ctx)
		if err == nil {
			err = c.connect(ctx, replayEnd)
		}
		if err == nil {
			err = c.hold(ctx)
		}
		if err == nil {
			err = c.checkPosition(ctx)
		}
		if err == nil {
			err = c.answersAgain(ctx)
		}
		if err == nil {
			err = c.refuseNewer()
		}
		if err == nil {
			err = c.retryAside(ctx)
		}
		if err == nil {
			err = c.applyAll(ctx)
		}
		if ctx.Err() != nil {
			break
		}
		c.tried(err)
		if database.Malformed(err) && c.broken.Load() == nil {
			c.noteMalformed(err)
			continue
		}
		if errors.Is(err, errLostClaim) {
			c.claim.held, c.unsure = false, true // hold then reads the claim again
			continue
		}
		if errors.Is(err, ErrClaimed) {
			pipeline.Sleep(ctx, c.opts.Clock, min(backoff.Next(), lapseAfter/20), c.retry)
			continue
		}
		if err != nil {
			c.failed(ctx, err)
			pipeline.Sleep(ctx, c.opts.Clock, backoff.Next(), c.retry)
			continue
		}
		backoff.Reset()
		c.working()
		c.idle(ctx)
	}
	return nil
}

// idle waits until kick is called, as for each new change, until this process's claim on its name must be
// renewed, until the changes that are set aside must be tried again, or until ctx ends.
func (c *Catalogue) idle(ctx context.Context) {
	var again, renew <-chan time.Time
	if n, _, _ := c.aside.size(); n > 0 {
		wait, stop := c.opts.Clock.After(asideEvery)
		defer stop()
		again = wait
	}
	if c.opts.Place != nil {
		wait, stop := c.opts.Clock.After(renewEvery)
		defer stop()
		renew = wait
	}
	select {
	case <-c.wake:
	case <-again:
	case <-renew:
	case <-ctx.Done():
	}
}

// failed prepares the next attempt after an error of the database. That attempt uses new connections,
// since the address may lead to another server by now, and half as many changes in a transaction,
// since the last one may have been too large. failed records whether the database can still be read.
func (c *Catalogue) failed(ctx context.Context, err error) {
	c.batch = max(1, c.batch/2)
	c.asideAt, c.unsure = time.Time{}, true
	c.formerServer = true
	if s := c.store.Load(); s != nil {
		s.Anew()
		if database.TroubleOf(err) == database.WrongTable { // an older backup may have been restored
			migrating, cancel := context.WithTimeout(ctx, c.opts.ApplyTimeout)
			err = errors.Join(err, s.Migrate(migrating, nil))
			cancel()
		}
	}
	if c.answers(ctx) {
		c.stall(err)
	} else {
		c.down(err)
	}
}

// down records that the database does not answer: queries then use the pending changes only. It
// logs the failure if the database answered before, or if the error is of another kind than the
// last one. While the catalogue closes, down does nothing.
func (c *Catalogue) down(err error) {
	if c.closing.Load() {
		return
	}
	if d := c.broken.Load(); d != nil && database.Malformed(err) { // d.err names the file and the remedy
		err = d.err
	}
	isNew := c.failing.Note(c.redact(err), database.TroubleOf(err), c.opts.Clock.Now())
	c.lacking.Store(true)
	if c.up.Swap(false) || isNew {
		c.warn("catalogue: the database is not available; recording goes on, rows wait in the journal")
	}
}

// stall records that the database can be read but refuses rows. It logs the failure if the database
// took rows before, or if the error is of another kind than the last one. While the catalogue
// closes, stall does nothing.
func (c *Catalogue) stall(err error) {
	if c.closing.Load() {
		return
	}
	isNew := c.failing.Note(c.redact(err), database.TroubleOf(err), c.opts.Clock.Now())
	c.answering()
	if !c.stalled.Swap(true) || isNew {
		c.warn("catalogue: the database is not available for writing; recording goes on, rows wait in the journal")
	}
}

// warn logs a failure of the database, with the message what, the last error, the number of pending
// changes and the remedy.
func (c *Catalogue) warn(what string) {
	n, _, _ := c.pending.size()
	text, advise, _, _ := c.failing.Read()
	c.log.Warn(what, "driver", c.opts.Driver, "error", text, "waiting", n, adviceAttr(advise))
}

// adviceAttr returns the attribute of a log line that holds advice, or the zero Attr, which a handler
// leaves out, if there is no advice.
func adviceAttr(advice string) slog.Attr {
	if advice == "" {
		return slog.Attr{}
	}
	return slog.String("advice", advice)
}

// answers reports whether recordings can be read from the database.
func (c *Catalogue) answers(ctx context.Context) bool {
	s := c.store.Load()
	if s == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.QueryTimeout)
	defer cancel()
	return s.Ping(ctx) == nil
}

// answersAgain allows queries of the database again after a failure, if every table can be read. If a
// table cannot be read, it returns the error of the database. It does nothing if queries are allowed.
func (c *Catalogue) answersAgain(ctx context.Context) error {
	if c.up.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.QueryTimeout)
	defer cancel()
	if err := c.store.Load().Check(ctx); err != nil {
		return err
	}
	c.answering()
	return nil
}

// answering allows queries of the database. It removes from the pending changes those that the database
// already had when this process started: the changes up to c.replayedTo, which the caller has set.
func (c *Catalogue) answering() {
	c.up.Store(true)
	c.pending.dropReplayed(c.replayedTo)
}

// working records that the database works and has committed every change. If the database failed
// before, working also logs this, and closes idle connections: see database.DB.Anew. It logs the first success, too.
func (c *Catalogue) working() {
	c.failing.Over()
	stalled, failed := c.stalled.Swap(false), c.lacking.Swap(false)
	c.up.Store(true)
	if stalled || failed {
		if c.formerServer {
			c.store.Load().Anew() // connections that read may still lead to the former server or file
			c.formerServer = false
		}
		c.log.Info("catalogue: the database has every row", "driver", c.opts.Driver, "applied", c.applied.Load())
	}
}

// connect opens the database unless it is open, brings its schema up to date, and reads the
// position: the revision up to which the database holds the journal's changes. replayEnd is the
// newest revision that was in the journal at the start.
func (c *Catalogue) connect(ctx context.Context, replayEnd int64) error {
	if c.store.Load() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.ApplyTimeout)
	defer cancel()
	c.noteFile() // before Open, in case it fails, and after it, in case the file was replaced
	reached, err := c.target.Open(ctx)
	if err != nil {
		return err
	}
	c.noteFile()
	s := &store{DB: reached}
	s.fence = func(ctx context.Context, tx bun.Tx) error { return c.fence(ctx, s, tx) }
	err = c.learnNames(ctx, s)
	var at int64
	if err == nil {
		at, err = s.position(ctx, c.journalID(), c.names())
	}
	if err == nil && slices.Contains(s.Remade, "spool_locations") {
		err = s.locateAgain(ctx)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if len(s.Remade) > 0 {
		c.log.Warn("catalogue: tables of the database were missing and have been created again, empty; a comparison with the disk (at the start, and by spool reindex) fills them",
			"tables", s.Remade)
	}
	c.replayedTo = min(at, replayEnd)
	if c.journalNewer > at {
		c.newer.Store(&NewerJournalError{c.opts.JournalDir, c.newerNotes})
	}
	c.store.Store(s)
	return nil
}

// refuseNewer returns a NewerJournalError if the journal holds changes that only a newer version of
// spool can read and that the database lacks. The changes after them must not be applied first.
func (c *Catalogue) refuseNewer() error {
	if err := c.newer.Load(); err != nil {
		return err
	}
	return nil
}

// checkPosition checks, after a failure, whether the database still holds every change that it had
// committed. A standby that became the primary may lack the last seconds, a restored backup days. If
// changes are missing, checkPosition logs this and notifies the receiver of Behind.
func (c *Catalogue) checkPosition(ctx context.Context) error {
	if !c.unsure {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.QueryTimeout)
	defer cancel()
	at, err := c.store.Load().position(ctx, c.journalID(), c.names())
	if err != nil {
		return err
	}
	c.unsure = false
	if at < c.takenTo {
		c.log.Warn("catalogue: the database lacks rows that it took before: it is another database, or was restored from a backup; a comparison with the disk adds them",
			"driver", c.opts.Driver, "behind", time.Duration(c.takenTo-at).Round(time.Second))
		c.takenTo = at
		c.fellBehind()
	}
	return nil
}

// fellBehind sends a value to the channel that Behind returns. It does not block: if the receiver has
// not taken an earlier value yet, fellBehind sends none.
func (c *Catalogue) fellBehind() {
	select {
	case c.behind <- struct{}{}:
	default:
	}
}

// Behind returns a channel that yields a value when the database has lost committed rows. It also
// yields one when a malformed file has been replaced, or was examined again and is intact. The
// receiver calls Reconcile, which adds the rows of the files on this disk.
func (c *Catalogue) Behind() <-chan struct{} { return c.behind }

func (c *Catalogue) journalID() string { return c.journal.Identity() }

// applyAll applies changes until none is pending. If none is pending at its begin, it checks that the
// database answers and has every table.
func (c *Catalogue) applyAll(ctx context.Context) error {
	s := c.store.Load()
	ops := c.pending.head(c.batch)
	if len(ops) == 0 {
		ctx, cancel := context.WithTimeout(ctx, c.opts.QueryTimeout)
		defer cancel()
		return s.Check(ctx)
	}
	for len(ops) > 0 {
		if err := c.applyBatch(ctx, s, ops); err != nil {
			return err
		}
		c.batch = min(2*c.batch, c.opts.BatchSize)
		c.pending.settle(len(ops))
		if err := c.journal.Trim(c.pending.appliedTo); err != nil {
			c.log.Warn("journal: an applied file could not be removed", "error", err)
		}
		ops = c.pending.head(c.batch)
	}
	return nil
}

// applyBatch writes the changes ops in one transaction. If the database refuses them for their content
// or size, applyBatch writes each half of ops by itself, and so on, until a refused change is alone: it
// then calls setAside for that change. It returns the errors of setAside, and any other error of the
// database.
func (c *Catalogue) applyBatch(ctx context.Context, s *store, ops []journal.Change) error {
	joined := make([]journal.Change, len(ops))
	for i, o := range ops {
		joined[i] = c.aside.join(o)
	}
	batchCtx, cancel := context.WithTimeout(ctx, c.opts.ApplyTimeout)
	others, err := s.write(batchCtx, c.journalID(), c.names(), joined)
	for try := 0; try < 3 && err != nil && database.TroubleOf(err) == database.Busy; try++ { // another recorder held a lock
		others, err = s.write(batchCtx, c.journalID(), c.names(), joined)
	}
	cancel()
	switch {
	case err == nil:
		c.leftAlone(others)
		c.applied.Add(uint64(len(ops)))
		c.takenTo = max(c.takenTo, ops[len(ops)-1].Revision)
		c.tookAll(joined)
		return nil
	case database.TroubleOf(err) != database.BadRow:
		return err
	case len(ops) == 1:
		return c.setAside(joined[0], err)
	}
	half := len(ops) / 2
	if err := c.applyBatch(ctx, s, ops[:half]); err != nil {
		return err
	}
	return c.applyBatch(ctx, s, ops[half:])
}
