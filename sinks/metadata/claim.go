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

// A node's name belongs to one recorder at a time. The recorder claims the name in the database,
// for the life of the process, and renews the claim with each batch of rows, at least every
// renewEvery. Each transaction that writes first proves that the claim still holds, so that a
// process which was stopped or cut off writes nothing once another recorder has taken the name.
// See life for when a claim ends.

// ErrClaimed reports that another recorder has this node's name. Changes wait in the journal.
var ErrClaimed = errors.New("another recorder has the name of this one")

const (
	renewEvery = 10 * time.Second
	lapseAfter = time.Minute
)

// claimRow is a row of spool_claims. StartedSeconds and SeenSeconds are by the database's clock:
// the clocks of two hosts are never compared.
type claimRow struct {
	bun.BaseModel `bun:"table:spool_claims"`

	Node           string `bun:"node,pk"`
	Directory      string `bun:"directory"` // identity of the record directory
	Place                 // with an empty Process: reserved for the next recorder in that place
	StartedSeconds int64  `bun:"started"`
	SeenSeconds    int64  `bun:"seen"`
	Beats          int64  `bun:"beats"` // incremented by each renewal
	Released       int    `bun:"released"`
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

// claimOf reads the claim on a node's name; nil: the name is free.
func (s *store) claimOf(ctx context.Context, db bun.IDB, node string) (*claimRow, error) {
	r := new(claimRow)
	err := db.NewSelect().Model(r).ColumnExpr("*").ColumnExpr(s.seconds()+" AS now").Where("node = ?", node).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return r, err
}

// claim is the state of this process's claim. Only apply changes it, through hold and tried.
type claim struct {
	held    bool
	renewed time.Time // by this process's clock
	watch   watch     // of another recorder's claim

	other   atomic.Pointer[ClaimedError] // why the claim is not held
	sinceNS atomic.Int64                 // UTC; when other was set
	first   atomic.Pointer[ClaimedError] // the result of the first try
	tried   chan struct{}                // closed after the first try
	once    sync.Once
}

// hold claims this recorder's name or renews the claim. It returns a *ClaimedError when another
// recorder has the name.
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
	c.unsure = c.unsure || had && !mine // the database may have been restored from a backup
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

// errRaced reports that another recorder changed the claim in the same moment. The next try reads it again.
var errRaced = fmt.Errorf("%w: it claimed the name in the same moment", ErrClaimed)

// asGuest admits a process beside the recorder of the directory, such as spool reindex. A guest
// claims nothing, and writes as long as no other place has the name. With Node in TakeOver it
// moves the claim to this place and leaves it to the recorder there.
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

func (c *Catalogue) takesOver(node string) bool { return slices.Contains(c.opts.TakeOver, node) }

func (c *Catalogue) ourClaim() *claimRow {
	return &claimRow{Node: c.opts.Node, Directory: c.opts.Directory(), Place: *c.opts.Place}
}

// take inserts a claim, takes over the claim was, or renews it. It returns false when the claim
// has changed since it was read, so that only one of two recorders gets it.
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

// fence runs first in each transaction that writes. It returns errLostClaim, or a *ClaimedError for
// a guest, unless this recorder has its name.
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

// errLostClaim reports that this process lost its claim. hold finds out which recorder has it.
var errLostClaim = fmt.Errorf("%w: the claim was taken over", ErrClaimed)

// release frees the name, so that the next recorder need not wait. After a takeover by force the
// name stays reserved for this place, since the other recorder may still run.
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

// tried notes the result of an attempt to work with the database, and wakes the callers that wait
// for the claim or for pending changes.
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

// Claimed returns a *ClaimedError while another recorder has this one's name.
func (c *Catalogue) Claimed() error {
	if e := c.claim.other.Load(); e != nil {
		return e
	}
	return nil
}

// RefusedAtStart waits until the first attempt to reach the database has ended. It returns a
// *ClaimedError when another recorder had this one's name then, unless that may have been an
// earlier run of this recorder.
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
