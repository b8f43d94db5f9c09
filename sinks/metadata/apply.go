package metadata

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline"
)

// apply brings the pending changes into the database until the context ends.
// Changes up to replayEnd were in the journal at the start; the database knows
// which of them it has.
func (c *Catalogue) apply(ctx context.Context, replayEnd int64) error {
	backoff := pipeline.Backoff{Min: 100 * time.Millisecond, Max: 5 * time.Second}
	for ctx.Err() == nil {
		err := c.stillMalformed(ctx)
		if err == nil {
			err = c.connect(ctx, replayEnd)
		}
		if err == nil {
			err = c.hold(ctx)
		}
		if err == nil {
			err = c.applyAll(ctx)
		}
		if ctx.Err() != nil {
			break
		}
		c.tried(err)
		if malformed(err) && c.broken.Load() == nil {
			c.spoiled(err)
			continue
		}
		if errors.Is(err, errLostClaim) {
			c.claim.held = false
			continue
		}
		if errors.Is(err, ErrClaimed) {
			c.rest(ctx, min(backoff.Next(), lapseAfter/20))
			continue
		}
		if err != nil {
			if s := c.store.Load(); s != nil {
				s.anew()
			}
			if c.answers(ctx) {
				c.stall(err)
			} else {
				c.down(err)
			}
			c.rest(ctx, backoff.Next())
			continue
		}
		backoff.Reset()
		c.back()
		c.idle(ctx)
	}
	return nil
}

// idle waits for something to do, at most until the claim is to be renewed.
func (c *Catalogue) idle(ctx context.Context) {
	var renew <-chan time.Time
	if c.opts.Place != nil {
		timer, stop := c.opts.Clock.After(renewEvery)
		defer stop()
		renew = timer
	}
	select {
	case <-c.wake:
	case <-renew:
	case <-ctx.Done():
	}
}

func (c *Catalogue) rest(ctx context.Context, d time.Duration) {
	wait, stop := c.opts.Clock.After(d)
	defer stop()
	select {
	case <-wait:
	case <-c.retry:
	case <-ctx.Done():
	}
}

// down and back log only when the state changes, however long it lasts. What
// fails because the catalogue is being closed says nothing about the database.
func (c *Catalogue) down(err error) {
	if c.closing.Load() {
		return
	}
	text := c.redact(err)
	last := c.lastErr.Swap(&text)
	if last == nil {
		c.downAt.Store(c.opts.Clock.Now().UnixNano())
	}
	if c.up.Swap(false) || last == nil {
		n, _, _ := c.pending.size()
		c.log.Warn("catalogue: the database is not available; recording goes on, rows wait in the journal",
			"driver", c.opts.Driver, "error", text, "waiting", n)
	}
}

// stall notes that the database takes no rows. What it holds can be asked for.
func (c *Catalogue) stall(err error) {
	if c.closing.Load() {
		return
	}
	text := c.redact(err)
	if c.lastErr.Swap(&text) == nil {
		c.downAt.Store(c.opts.Clock.Now().UnixNano())
	}
	c.up.Store(true)
	if !c.stalled.Swap(true) {
		n, _, _ := c.pending.size()
		c.log.Warn("catalogue: the database is not available for writing; recording goes on, rows wait in the journal",
			"driver", c.opts.Driver, "error", text, "waiting", n)
	}
}

// answers asks a database that failed whether it can be read.
func (c *Catalogue) answers(ctx context.Context) bool {
	s := c.store.Load()
	if s == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.QueryTimeout)
	defer cancel()
	return s.ping(ctx) == nil
}

func (c *Catalogue) back() {
	c.lastErr.Store(nil)
	stalled := c.stalled.Swap(false)
	if !c.up.Swap(true) || stalled {
		c.store.Load().anew() // those that read may be on what was there before
		c.log.Info("catalogue: the database has every row", "driver", c.opts.Driver, "applied", c.applied.Load())
	}
}

// connect opens the database once, with its schema, and learns what of the
// journal it already has.
func (c *Catalogue) connect(ctx context.Context, replayEnd int64) error {
	if c.store.Load() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.ApplyTimeout)
	defer cancel()
	c.noteFile() // before: another one may take its place at any time
	s, err := c.target.open(ctx)
	if err != nil {
		return err
	}
	c.noteFile()
	s.fence = func(ctx context.Context, tx bun.Tx) error { return c.fence(ctx, s, tx) }
	err = c.learnNames(ctx, s)
	var at int64
	if err == nil {
		at, err = s.position(ctx, c.journalID(), c.names())
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	c.pending.dropReplayed(min(at, replayEnd))
	c.store.Store(s)
	return nil
}

func (c *Catalogue) journalID() string { return fmt.Sprintf("%x", c.journal.id) }

// applyAll applies until nothing waits; with nothing to do it asks the database
// whether it is there.
func (c *Catalogue) applyAll(ctx context.Context) error {
	s := c.store.Load()
	n := len(c.pending.head(1))
	if n == 0 {
		ctx, cancel := context.WithTimeout(ctx, c.opts.QueryTimeout)
		defer cancel()
		return s.ping(ctx)
	}
	for n > 0 {
		ops := c.pending.head(c.opts.BatchSize)
		if err := c.applyBatch(ctx, s, ops); err != nil {
			return err
		}
		c.pending.settle(len(ops))
		if err := c.journal.trim(c.pending.appliedTo); err != nil {
			c.log.Warn("journal: an applied file could not be removed", "error", err)
		}
		n = len(c.pending.head(1))
	}
	return nil
}

// applyBatch writes changes in one transaction. Where the database refuses a row
// for what is in it, the batch goes again one by one, and only that row is left
// out: it must not hold up the others for ever.
func (c *Catalogue) applyBatch(ctx context.Context, s *store, ops []op) error {
	batchCtx, cancel := context.WithTimeout(ctx, c.opts.ApplyTimeout)
	others, err := s.write(batchCtx, c.journalID(), c.names(), ops)
	for try := 0; try < 3 && conflict(err); try++ { // another recorder was in the way: the database itself is well
		others, err = s.write(batchCtx, c.journalID(), c.names(), ops)
	}
	cancel()
	switch {
	case err == nil:
		c.leftAlone(others)
		c.applied.Add(uint64(len(ops)))
		return nil
	case !refusal(err):
		return err
	case len(ops) == 1:
		c.refused.Add(1)
		c.log.Error("catalogue: the database refuses a row; it is left out",
			"recording", ops[0].row.ID, "file", ops[0].row.Path, "error", c.redact(err))
		return nil
	}
	for i := range ops {
		if err := c.applyBatch(ctx, s, ops[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}
