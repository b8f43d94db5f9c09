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

// One recorder at a time has a node's name. It claims the name in the database, for the
// life of the process, and renews the claim with each batch of rows, at least every
// renewEvery. Each transaction that writes proves first that the claim is still there,
// so that a process which was stopped or cut off in between writes nothing once another one
// has the name. See life for when a claim ends.

// ErrClaimed: another recorder has this node's name. Changes wait in the journal.
var ErrClaimed = errors.New("another recorder has the name of this one")

const (
	renewEvery = 10 * time.Second
	lapseAfter = time.Minute
)

// claimRow is a claim as the table holds it. started and seen are seconds of the
// database's clock: those of two hosts are never compared.
type claimRow struct {
	bun.BaseModel `bun:"table:spool_claims"`

	Node      string `bun:"node,pk"`
	Directory string `bun:"directory"` // identity of the record directory
	Place            // with an empty Process: kept for whoever comes next in that place
	Started   int64  `bun:"started"`
	Seen      int64  `bun:"seen"`
	Beats     int64  `bun:"beats"` // grows with each sign of life
	Released  int    `bun:"released"`
	Now       int64  `bun:"now,scanonly"` // the database's clock when the row was read
}

// seconds is the database's clock.
func (s *store) seconds() string {
	switch s.Driver {
	case "postgres":
		return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS bigint)"
	case "mysql":
		return "UNIX_TIMESTAMP()"
	}
	return "CAST(strftime('%s', 'now') AS integer)"
}

// claimOf reads the claim on a node, nil where nobody has one.
func (s *store) claimOf(ctx context.Context, db bun.IDB, node string) (*claimRow, error) {
	r := new(claimRow)
	err := db.NewSelect().Model(r).ColumnExpr("*").ColumnExpr(s.seconds()+" AS now").Where("node = ?", node).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return r, err
}

// claim is this process's side of it. Only the applier changes it.
type claim struct {
	held    bool
	renewed time.Time // by our clock
	watch   watch     // of another recorder's

	other atomic.Pointer[ClaimedError] // why it is not held
	at    atomic.Int64                 // ns, UTC: since when
	first atomic.Pointer[ClaimedError] // what the first try said
	tried chan struct{}                // closed when it has
	once  sync.Once
}

// hold makes sure that this recorder has its node's name: a *ClaimedError where another
// one has it.
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
	c.unsure = c.unsure || had && !mine // the database may be an older one
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

// errRaced: another recorder was quicker by a moment. What it did is seen at the next try.
var errRaced = fmt.Errorf("%w: it was quicker by a moment", ErrClaimed)

// asGuest allows a process beside the recorder that has the directory, such as spool
// reindex: it claims nothing, and writes as long as no other place has the name. Told to
// take it over, it keeps the name for the recorder that is beside it.
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

// take makes a claim, or renews it. was is the claim as it was read; false: it has
// changed since, so that one of two that start together gets it.
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

// fence is the first statement of each transaction that writes.
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

// errLostClaim: the claim is not ours any more. hold finds out whose it is.
var errLostClaim = fmt.Errorf("%w: the claim was taken over", ErrClaimed)

// release gives the name back, so that the next recorder need not wait. Whoever took it
// over by force keeps it for its place: the other one may live.
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
		c.log.Warn("catalogue: this recorder's name could not be given back: its claim lapses by itself", "error", c.redact(err))
	}
}

// tried notes what came of a try to work with the database, and wakes who waits for the
// claim or for what is pending.
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
		c.claim.at.Store(c.opts.Clock.Now().UnixNano())
		c.log.Error("catalogue: another recorder has the name of this one: rows wait in the journal", "error", now)
		c.pending.nudge()
	} else if now == nil && was != nil {
		c.log.Info("catalogue: this recorder has its name", "node", c.opts.Node)
	}
}

// Claimed reports a *ClaimedError while another recorder has the name of this one.
func (c *Catalogue) Claimed() error {
	if e := c.claim.other.Load(); e != nil {
		return e
	}
	return nil
}

// RefusedAtStart waits until the database was asked for the first time, or could not
// be. It reports a *ClaimedError where another recorder had this one's name then,
// and was no earlier run of this one.
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
