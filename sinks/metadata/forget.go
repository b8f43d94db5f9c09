package metadata

import (
	"cmp"
	"context"
	"errors"
	"path"
	"path/filepath"
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
// location_gone.go. The caller keeps other changes of the recordings away.
func (c *Catalogue) Forget(ctx context.Context, files []media.DeletedFile) error {
	return c.forget(ctx, files, func(*row.Row) bool { return true })
}

// forget is Forget for those of the rows that goes says so of.
func (c *Catalogue) forget(ctx context.Context, files []media.DeletedFile, goes func(*row.Row) bool) error {
	last, err := c.gatherDeletes(ctx, files, goes)
	if last == 0 {
		return err
	}
	return errors.Join(err, c.journal.Await(last))
}

// gatherDeletes gives the last revision, 0 where there is none to wait for. Of
// many errors it returns the first.
func (c *Catalogue) gatherDeletes(ctx context.Context, files []media.DeletedFile, goes func(*row.Row) bool) (last int64, first error) {
	for _, f := range files {
		rev, err := c.gatherDelete(ctx, f, goes)
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

func (c *Catalogue) gatherDelete(ctx context.Context, f media.DeletedFile, goes func(*row.Row) bool) (rev int64, err error) {
	old, _, err := c.lookup(ctx, f.ID.String())
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, nil
	case errors.Is(err, ErrUnavailable):
		old = &row.Row{ID: f.ID.String(), Node: c.opts.Node, Path: f.Path, Tracks: []byte("[]"), Events: []byte("[]")}
	case err != nil:
		return 0, err
	}
	if !c.mayBeOurs(old) || !sameFile(old.Path, f.Path) || old.Protected != 0 || !goes(old) {
		return 0, nil
	}
	evicted := *old
	evicted.Evicted = true
	return c.gatherRemoval(f.ID, &evicted)
}

// gatherRemoval adds the deletion of a row to what the journal writes next. From then on
// the comparison with the disk does not call the recording lost: see gatherLoss.
func (c *Catalogue) gatherRemoval(id media.ID, old *row.Row) (rev int64, err error) {
	c.removing.Lock()
	defer c.removing.Unlock()
	if rev, err = c.gather(journal.Delete, old); err == nil {
		c.run.removes(id)
	}
	return rev, err
}

// gatherLoss adds to what the journal writes next that a recording is lost, unless its row
// was taken away since ownRun.remember: then it gives 0.
func (c *Catalogue) gatherLoss(old *row.Row) (rev int64, err error) {
	rec, err := old.Record(false)
	if err != nil {
		return 0, err
	}
	rec.State = media.StateLost
	if !filepath.IsLocal(filepath.FromSlash(rec.Path)) || path.Clean(rec.Path) != rec.Path { // whoever shares the database wrote it
		rec.Path = cmp.Or(strings.TrimPrefix(path.Clean("/"+rec.Path), "/"), rec.ID.String())
	}
	lost, err := row.Of(rec.Recording, c.nodeOf(rec.Recording))
	if err != nil {
		c.invalid.Add(1)
		return 0, err
	}
	c.removing.Lock()
	defer c.removing.Unlock()
	if c.run.removed(rec.ID) {
		return 0, nil
	}
	if rev, err = c.gather(journal.Put, lost); err == nil {
		c.run.says(rec.ID, false)
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
