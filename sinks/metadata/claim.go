package metadata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/sinks/metadata/database"
)

// The name of a node belongs to one recorder at a time. A recorder claims its name by a row of
// spool_claims, for the life of the process. It renews the claim in each transaction that writes, and at
// least every renewEvery. Such a transaction fails if the claim has been lost: a process that was
// stopped or cut off from the database writes nothing once another recorder has the name. Catalogue.life
// decides when a claim has ended.

// ErrClaimed reports that another recorder has this node's name. Changes wait in the journal.
var ErrClaimed = errors.New("another recorder has the name of this one")

const (
	renewEvery = 10 * time.Second // longest time between two renewals
	lapseAfter = time.Minute      // time without a renewal after which a claim has ended
)

// claimRow is a row of spool_claims. Its times are seconds since 1970 by the database's clock, so that
// the clocks of two hosts are never compared.
type claimRow struct {
	bun.BaseModel `bun:"table:spool_claims"`

	Node           string `bun:"node,pk"`
	Directory      string `bun:"directory"` // identity of the record directory
	Place                 // the recorder's place. An empty Process reserves the name for the next recorder there
	StartedSeconds int64  `bun:"started"`
	SeenSeconds    int64  `bun:"seen"`         // time of the last renewal
	Beats          int64  `bun:"beats"`        // number of renewals
	Released       int    `bun:"released"`     // 1: the recorder has ended and released the name
	NowSeconds     int64  `bun:"now,scanonly"` // the database's clock when the row was read
}

// seconds returns the SQL expression for the database's clock, in seconds.
func (s *store) seconds() string {
	switch s.Driver {
	case "postgres":
		return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS bigint)"
	case "mysql":
		return "UNIX_TIMESTAMP()"
	}
	return "CAST(strftime('%s', 'now') AS integer)"
}

// claimOf reads the claim on a node's name. It returns nil if there is none.
func (s *store) claimOf(ctx context.Context, db bun.IDB, node string) (*claimRow, error) {
	r := new(claimRow)
	err := db.NewSelect().Model(r).ColumnExpr("*").ColumnExpr(s.seconds()+" AS now").Where("node = ?", node).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return r, err
}

// claim is the state of this process's claim on the name of its node. Only Catalogue.apply changes
// it, through hold and tried.
type claim struct {
	held    bool      // this process has the name
	renewed time.Time // when hold last wrote the claim, by this process's clock
	watch   watch     // observes another recorder's claim on the name

	other   atomic.Pointer[ClaimedError] // names the recorder that has the name; nil: no other has it
	sinceNS atomic.Int64                 // when other was set, nanoseconds since 1970 UTC
	first   atomic.Pointer[ClaimedError] // the value of other after the first attempt
	tried   chan struct{}                // closed after the first attempt
	once    sync.Once                    // sets first and closes tried
}

// hold claims this recorder's name, or renews the claim if renewEvery has passed. It returns a
// *ClaimedError if another recorder has the name, and the errors of the database.
func (c *Catalogue) hold(ctx context.Context) error {
	s, now := c.store.Load(), c.opts.Clock.Now()
	if c.opts.Place == nil || c.claim.held && now.Sub(c.claim.renewed) < renewEvery {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.QueryTimeout)
	defer cancel()
	had := c.claim.held
	c.claim.held = false
	r, err := s.claimOf(ctx, s.RW, c.opts.Node)
	if err != nil {
		return fmt.Errorf("%s: claim: %w", s.Driver, err)
	}
	if c.opts.Guest {
		if err := c.asGuest(ctx, s, r); err != nil {
			return err
		}
		c.claim.held, c.claim.renewed = true, now
		return nil
	}
	mine := r != nil && r.Process == c.opts.Place.Process
	c.unsure = c.unsure || had && !mine // a missing claim may mean that a backup was restored
	if r != nil && !mine && c.life(s, r, &c.claim.watch) != gone && !c.takesOver(c.opts.Node) {
		return c.claimedBy(r, &c.claim.watch)
	}
	ok, err := s.take(ctx, c.ourClaim(), r, mine)
	if err == nil && !ok {
		err = errRaced
	}
	if err != nil {
		return fmt.Errorf("%s: claim: %w", s.Driver, err)
	}
	c.claim.held, c.claim.renewed = true, now
	return nil
}

// errRaced reports that another recorder changed the claim after this recorder had read it and
// before this recorder could write it. The next attempt reads the claim again.
var errRaced = fmt.Errorf("%w: it claimed the name in the same moment", ErrClaimed)

// asGuest does the work of hold for a guest: a process that runs beside the recorder of its
// directory, such as spool reindex. A guest claims nothing, and may write while no recorder of
// another place has the name. If TakeOver names the guest's own node, asGuest moves another place's
// claim to this place, reserved for the recorder that starts here next.
func (c *Catalogue) asGuest(ctx context.Context, s *store, r *claimRow) error {
	switch {
	case r == nil || c.opts.Place.sameDirectory(r.Place) || c.life(s, r, &c.claim.watch) == gone:
		return nil
	case !c.takesOver(c.opts.Node):
		return c.claimedBy(r, &c.claim.watch)
	}
	next := c.ourClaim()
	next.Process, next.PID, next.Born = "", 0, ""
	ok, err := s.take(ctx, next, r, false)
	if err == nil && !ok {
		err = errRaced
	}
	return err
}

// takesOver reports whether OpenOptions.TakeOver names a node.
func (c *Catalogue) takesOver(node string) bool { return slices.Contains(c.opts.TakeOver, node) }

// ourClaim returns the claim of this process on its own name.
func (c *Catalogue) ourClaim() *claimRow {
	return &claimRow{Node: c.opts.Node, Directory: c.opts.Directory(), Place: *c.opts.Place}
}

// take writes the claim next. was is the claim as read before; nil inserts the first claim on a
// name. If renew is set, was is this process's own claim. take returns false, and writes nothing,
// if another recorder has changed the claim since it was read.
func (s *store) take(ctx context.Context, next, was *claimRow, renew bool) (bool, error) {
	var res sql.Result
	var err error
	if was == nil {
		head, tail := "INSERT INTO", "ON CONFLICT (node) DO NOTHING"
		if s.Driver == "mysql" {
			head, tail = "INSERT IGNORE INTO", ""
		}
		res, err = s.RW.NewRaw(head+" spool_claims (node, directory, process, host, path, kernel, namespace, pid, born, inode, started, seen, beats, released) "+
			"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "+s.seconds()+", "+s.seconds()+", 1, 0) "+tail,
			next.Node, next.Directory, next.Process, next.Host, next.Path, next.Kernel, next.Namespace, next.PID, next.Born, next.Inode).Exec(ctx)
	} else {
		q := s.RW.NewUpdate().Table(database.ClaimsTable).
			Set("directory = ?", next.Directory).Set("process = ?", next.Process).Set("host = ?", next.Host).Set("path = ?", next.Path).
			Set("kernel = ?", next.Kernel).Set("namespace = ?", next.Namespace).Set("pid = ?", next.PID).Set("born = ?", next.Born).
			Set("inode = ?", next.Inode).Set("seen = "+s.seconds()).Set("beats = beats + 1").Set("released = 0").
			Where("node = ?", next.Node).Where("process = ?", was.Process)
		if !renew {
			q.Set("started = "+s.seconds()).Where("beats = ?", was.Beats)
		}
		res, err = q.Exec(ctx)
	}
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// fence runs first in each transaction that writes, and renews this process's claim on its name. It
// returns errLostClaim if another recorder has taken the claim over. For a guest (see asGuest), which
// has no claim, fence returns a *ClaimedError if another recorder had the name at the last attempt of
// apply.
func (c *Catalogue) fence(ctx context.Context, s *store, tx bun.Tx) error {
	switch {
	case c.opts.Place == nil:
		return nil
	case c.opts.Guest:
		if e := c.claim.other.Load(); e != nil {
			return e
		}
		return nil
	}
	res, err := tx.NewUpdate().Table(database.ClaimsTable).Set("seen = "+s.seconds()).Set("beats = beats + 1").
		Where("node = ?", c.opts.Node).Where("process = ?", c.opts.Place.Process).Where("released = 0").Exec(ctx)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return errLostClaim
}

// errLostClaim reports that another recorder has taken over this process's claim. The next call of
// hold reads whose claim it is now.
var errLostClaim = fmt.Errorf("%w: the claim was taken over", ErrClaimed)

// release releases the claim when the process ends, so that the next recorder need not wait. If
// TakeOver names this node, release reserves the name for this place instead: the recorder from which
// it was taken may still run.
func (c *Catalogue) release(ctx context.Context) {
	s := c.store.Load()
	if s == nil || c.opts.Place == nil || c.opts.Guest || !c.claim.held {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, min(c.opts.QueryTimeout, 2*time.Second))
	defer cancel()
	q := s.RW.NewUpdate().Table(database.ClaimsTable).Set("seen = "+s.seconds()).Set("beats = beats + 1").
		Where("node = ?", c.opts.Node).Where("process = ?", c.opts.Place.Process)
	if c.takesOver(c.opts.Node) {
		q.Set("process = ''")
	} else {
		q.Set("released = 1")
	}
	if _, err := q.Exec(ctx); err != nil {
		c.log.Warn("catalogue: this recorder's name could not be released; its claim lapses by itself", "error", c.redact(err))
	}
}

// tried records whether another recorder has this one's name. err is the result of one attempt of
// apply. tried wakes RefusedAtStart, and Flush if the name was lost.
func (c *Catalogue) tried(err error) {
	var other *ClaimedError
	if errors.Is(err, errRaced) || errors.Is(err, errLostClaim) || c.closing.Load() {
		return
	}
	errors.As(err, &other)
	c.claim.once.Do(func() {
		c.claim.first.Store(other)
		close(c.claim.tried)
	})
	was := c.claim.other.Load()
	switch {
	case other != nil:
		c.claim.other.Store(other)
		c.answering()
		c.failing.Over()
		c.stalled.Store(false)
	case err == nil:
		c.claim.other.Store(nil)
	}
	if now := c.claim.other.Load(); now != nil && was == nil {
		c.claim.sinceNS.Store(c.opts.Clock.Now().UnixNano())
		c.log.Error("catalogue: another recorder has the name of this one: rows wait in the journal", "error", now)
		c.pending.nudge()
	} else if now == nil && was != nil {
		c.log.Info("catalogue: this recorder has its name again", "node", c.opts.Node)
	}
}

// Claimed returns a *ClaimedError while another recorder has this one's name, and else nil.
func (c *Catalogue) Claimed() error {
	if e := c.claim.other.Load(); e != nil {
		return e
	}
	return nil
}

// RefusedAtStart waits until the first attempt to reach the database has ended. It returns a
// *ClaimedError if another recorder had this one's name then, unless the claim may be that of an
// earlier run of this recorder. It returns the cause of ctx when ctx ends first.
func (c *Catalogue) RefusedAtStart(ctx context.Context) error {
	select {
	case <-c.claim.tried:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if e := c.claim.first.Load(); e != nil && !e.MayBeUs {
		return e
	}
	return nil
}
