package metadata

import (
	"context"
	"errors"
	"strings"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// Forget takes the rows of deleted files away, with one write of the journal for
// all of them. It does not wait for the database: one that is down learns of it
// later. A row that speaks of another file, or of another recorder's, which the
// deleted one was a copy of, stays, and so does one that is protected:
// reconciliation calls it lost. So does one that another place has whole, as remote: see
// location_gone.go.
func (c *Catalogue) Forget(ctx context.Context, files []media.DeletedFile) error {
	last, err := c.gatherDeletes(ctx, files)
	if last == 0 {
		return err
	}
	return errors.Join(err, c.journal.Await(last))
}

// gatherDeletes gives the last revision, 0 where there is none to wait for. Of
// many errors it returns the first.
func (c *Catalogue) gatherDeletes(ctx context.Context, files []media.DeletedFile) (last int64, first error) {
	for _, f := range files {
		rev, err := c.gatherDelete(ctx, f)
		switch {
		case err != nil && ctx.Err() != nil:
			return last, errors.Join(first, err)
		case err != nil && first == nil:
			first = err
		}
		last = max(last, rev)
	}
	return last, first
}

// gatherDelete keeps other changes waiting for one look at the database, not for one at
// each of the files.
func (c *Catalogue) gatherDelete(ctx context.Context, f media.DeletedFile) (rev int64, err error) {
	c.changes.Lock()
	defer c.changes.Unlock()
	old, _, err := c.lookup(ctx, f.ID.String())
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, nil
	case errors.Is(err, ErrUnavailable):
		old = &row.Row{ID: f.ID.String(), Node: c.opts.Node, Path: f.Path, Tracks: []byte("[]"), Events: []byte("[]")}
	case err != nil:
		return 0, err
	}
	evicted := *old
	evicted.Evicted = true
	if !c.mayBeOurs(old) || !sameFile(old.Path, f.Path) || old.Protected != 0 {
		return 0, nil
	}
	rev, err = c.gather(journal.Delete, &evicted)
	if err == nil {
		c.run.removes(f.ID)
	}
	return rev, err
}

// sameFile compares the path that a row has with that of a file, which has got its
// final name before its row says so.
func sameFile(row, file string) bool {
	return strings.TrimSuffix(row, media.PartSuffix) == strings.TrimSuffix(file, media.PartSuffix)
}

func (c *Catalogue) gather(kind journal.Kind, old *row.Row) (int64, error) {
	if err := c.room(); err != nil {
		return 0, err
	}
	r := *old
	return c.journal.Gather(kind, &r, max(old.Revision, old.ProtectedRev))
}
