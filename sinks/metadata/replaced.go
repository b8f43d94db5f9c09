package metadata

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/gospool/spool/sinks/metadata/database"
)

// Replaced describes a recorder that recorded on this host to the same path, but in another directory.
// Most often that directory is on a disk that is not mounted now.
type Replaced struct {
	Node, Directory string    // name of that recorder, and identity of its directory
	LastSeen        time.Time // last renewal of its claim, by the database's clock
	Older           bool      // its directory was made before this recorder's
}

// Replaced lists the recorders that this one has replaced and that still have recordings with a
// file: no running recorder serves these files. It omits a recorder that may still run, which is
// then on another machine with the same host name. It returns ErrUnavailable while the database
// does not answer.
func (c *Catalogue) Replaced(ctx context.Context) (out []Replaced, err error) {
	if c.opts.Place == nil || c.opts.Directory() == "" {
		return nil, nil
	}
	err = c.read(ctx, func(ctx context.Context, s *store) error {
		out = nil
		var rows []*claimRow
		err := s.RO.NewSelect().Model(&rows).ColumnExpr("*").ColumnExpr(s.seconds()+" AS now").
			Where("host = ?", c.opts.Place.Host).Where("path = ?", c.opts.Place.Path).Where("node <> ?", c.opts.Node).
			Where("directory <> ?", c.opts.Directory()).Where("directory <> ''").OrderExpr("node").Scan(ctx)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if c.life(s, r, &watch{}) != gone {
				continue
			}
			has, err := s.RO.NewSelect().TableExpr("spool_recordings").Where("node = ?", r.Node).
				Where("state NOT IN (?)", bun.List(statesWithoutFile)).Exists(ctx)
			if err != nil {
				return err
			}
			if has {
				// An identity begins with the time at which it was made: identities compare by age.
				out = append(out, Replaced{r.Node, r.Directory, time.Unix(r.SeenSeconds, 0).UTC(), r.Directory < c.opts.Directory()})
			}
		}
		return nil
	})
	return out, err
}

// acceptPlace removes the path from the claims of the replaced recorders, so that Replaced no longer
// lists them.
func (c *Catalogue) acceptPlace(ctx context.Context) error {
	found, err := c.Replaced(ctx)
	for _, r := range found {
		if err != nil {
			break
		}
		err = c.inTx(ctx, func(ctx context.Context, s *store, tx bun.Tx) error {
			_, err := tx.NewUpdate().Table(database.ClaimsTable).Set("path = ''").Where("node = ?", r.Node).Where("directory = ?", r.Directory).Exec(ctx)
			return err
		})
	}
	return err
}

// mayTakeOver returns ErrClaimed if a recorder in TakeOver may still run.
func (c *Catalogue) mayTakeOver(ctx context.Context) error {
	return c.eachTakenOver(ctx, func(ctx context.Context, s *store, r *claimRow) error {
		w := &watch{}
		if c.life(s, r, w) == gone {
			return nil
		}
		e := c.claimedBy(r, w)
		return fmt.Errorf("%w: node %s runs on host %s, record path %s, pid %d, last sign of life %s ago: stop it, and wait %s if it was killed",
			ErrClaimed, e.Node, e.By.Host, e.By.Path, e.By.PID, e.LastSeen, lapseAfter)
	})
}

// forgetTakenOver deletes the claims and directories of the recorders that were taken over.
func (c *Catalogue) forgetTakenOver(ctx context.Context) error {
	return c.eachTakenOver(ctx, func(ctx context.Context, s *store, r *claimRow) error {
		return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.NewDelete().Table(database.ClaimsTable).Where("node = ?", r.Node).Where("beats = ?", r.Beats).Exec(ctx)
			if err == nil {
				_, err = tx.NewDelete().Table("spool_directories").Where("node = ?", r.Node).Exec(ctx)
			}
			return err
		})
	})
}

// eachTakenOver calls do with the claim of each node in OpenOptions.TakeOver, except this
// recorder's own node and nodes without a claim. It stops at the first error and returns it.
func (c *Catalogue) eachTakenOver(ctx context.Context, do func(context.Context, *store, *claimRow) error) error {
	if c.opts.Place == nil {
		return nil
	}
	return c.read(ctx, func(ctx context.Context, s *store) error {
		for _, node := range c.opts.TakeOver {
			r, err := s.claimOf(ctx, s.RW, node)
			if err != nil {
				return err
			}
			if r == nil || node == c.opts.Node {
				continue
			}
			if err := do(ctx, s, r); err != nil {
				return err
			}
		}
		return nil
	})
}
