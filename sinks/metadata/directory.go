package metadata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// ErrOtherDirectory reports that the record directory is not the one whose files the rows describe. A
// reconciliation with it would mark every recording as lost.
var ErrOtherDirectory = errors.New("the record directory is not the one that the catalogue knows")

// ClaimDirectory compares the identity of the record directory with the one that the catalogue
// stores for this recorder. It stores the directory's identity if the catalogue has none, or if it
// has no rows of this recorder. Call it before Reconcile. identity returns the identity of the
// directory; if the directory has none, it returns "", or makes one if create is true.
//
// If the recorder has rows, ClaimDirectory returns ErrOtherDirectory when the catalogue stores
// another identity or the directory has none: most often the disk is not mounted. If accept is set,
// it stores this directory's identity instead. It returns ErrUnavailable while the database does
// not answer, and the errors of Flush and of identity.
func (c *Catalogue) ClaimDirectory(ctx context.Context, identity func(create bool) (string, error), accept bool) error {
	if err := c.Flush(ctx); err != nil {
		return err
	}
	if accept {
		if err := c.acceptPlace(ctx); err != nil {
			return err
		}
	}
	// The rows are read before the identity: a recorder that starts meanwhile makes the identity
	// before it adds its first row.
	known, rows, err := c.directory(ctx)
	if err != nil {
		return err
	}
	found, err := identity(false)
	switch {
	case err != nil:
		return err
	case found != "" && found == known:
		return nil
	case rows && !accept && (known != "" || found == ""):
		return c.otherDirectory(known, found)
	}
	if found, err = identity(true); err != nil {
		return err
	}
	return c.read(ctx, func(ctx context.Context, s *store) error { return s.keepDirectory(ctx, c.opts.Node, found) })
}

func (c *Catalogue) otherDirectory(known, found string) error {
	name := func(id, none string) string {
		if id == "" {
			return none
		}
		return id
	}
	return fmt.Errorf("%w: the recordings of %s are in %s, and this is %s: mount that disk and restart spool; "+
		"or, if this directory takes its place for good, run spool reindex --accept-directory, which marks recordings as lost whose file is not in it",
		ErrOtherDirectory, c.opts.Node, name(known, "one with an identity"), name(found, "one without an identity"))
}

// directory returns the identity of this recorder's directory that the database stores (known), or
// "" if it stores none. rows is true if the recorder has rows.
func (c *Catalogue) directory(ctx context.Context) (known string, rows bool, err error) {
	err = c.read(ctx, func(ctx context.Context, s *store) error {
		err := s.RW.NewSelect().TableExpr("spool_directories").Column("identity").Where("node = ?", c.opts.Node).Scan(ctx, &known)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		rows, err = s.RW.NewSelect().TableExpr("spool_recordings").Where("node = ?", c.opts.Node).Exists(ctx)
		return err
	})
	return known, rows, err
}

// keepDirectory stores the identity of a node's record directory.
func (s *store) keepDirectory(ctx context.Context, node, identity string) error {
	return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewDelete().Table("spool_directories").Where("node = ?", node).Exec(ctx); err != nil {
			return err
		}
		_, err := tx.NewRaw("INSERT INTO spool_directories (node, identity) VALUES (?, ?)", node, identity).Exec(ctx)
		return err
	})
}
