package metadata

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// Delete deletes a recording's row and returns it; the caller has deleted the file. It returns
// ErrOtherNode, ErrProtected or ErrGrowing for a row that must stay, and the errors of Record and Put.
// No other code may change the recording meanwhile.
func (c *Catalogue) Delete(ctx context.Context, id media.ID) (media.Record, error) {
	old, pending, err := c.lookup(ctx, id.String())
	if err != nil {
		return media.Record{}, err
	}
	rec, err := c.record(old, pending)
	switch {
	case err != nil:
		return rec, err
	case rec.Node != c.opts.Node:
		return rec, fmt.Errorf("%w: %s", ErrOtherNode, rec.Node)
	case rec.Protected:
		return rec, ErrProtected
	case rec.Growing():
		return rec, ErrGrowing
	}
	rev, err := c.gatherRemoval(id, old)
	if err != nil {
		return rec, err
	}
	return rec, c.journal.Await(rev)
}

// Forget deletes the rows of deleted files, with one write of the journal for all of them. It does
// not wait for a database that is known to be down. A row stays if it is protected or names another
// file, and reconciliation then marks it as lost; it also stays if it is another recorder's, since the
// deleted file was then a copy. A recording that another location holds whole keeps its row, with the
// state remote: see location_gone.go. No other code may change the recordings meanwhile.
func (c *Catalogue) Forget(ctx context.Context, files []media.DeletedFile) error {
	return c.forget(ctx, files, func(*row.Row) bool { return true })
}

// forget does the work of Forget, but deletes only rows for which goes returns true.
func (c *Catalogue) forget(ctx context.Context, files []media.DeletedFile, goes func(*row.Row) bool) error {
	last, err := c.gatherDeletes(ctx, files, goes)
	if last == 0 {
		return err
	}
	return errors.Join(err, c.journal.Await(last))
}

// gatherDeletes adds the deletion of the row of each file to the journal's next write. It deletes only
// rows for which goes returns true. It returns the highest revision of these deletions, for
// journal.Await, or 0 if no row is deleted, and the first error. After an error it goes on with the
// next file, unless ctx has ended.
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

// gatherDelete does the work of gatherDeletes for one file. It returns the revision of the
// deletion, or 0 if there is no row or the row stays. If the database does not answer, it deletes
// the row without having read it.
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

// gatherRemoval adds to the journal's next write the deletion of a row, and returns its revision. A
// reconciliation that runs meanwhile then no longer marks the recording as lost: see gatherLoss.
func (c *Catalogue) gatherRemoval(id media.ID, old *row.Row) (rev int64, err error) {
	c.removing.Lock()
	defer c.removing.Unlock()
	if rev, err = c.gather(journal.Delete, old); err == nil {
		c.begun.removes(id)
	}
	return rev, err
}

// gatherLoss adds to the journal's next write the change that gives a row the state lost, and returns the
// change's revision. It returns 0 and adds nothing if the row was deleted since begun.remember: the change
// would add the row again.
func (c *Catalogue) gatherLoss(old *row.Row) (rev int64, err error) {
	rec, err := old.Record(false)
	if err != nil {
		return 0, err
	}
	rec.State = media.StateLost
	// Another program may have changed the path in the database.
	if !filepath.IsLocal(filepath.FromSlash(rec.Path)) || path.Clean(rec.Path) != rec.Path {
		rec.Path = cmp.Or(strings.TrimPrefix(path.Clean("/"+rec.Path), "/"), rec.ID.String())
	}
	lost, err := row.Of(rec.Recording, c.nodeOf(rec.Recording))
	if err != nil {
		c.invalid.Add(1)
		return 0, err
	}
	c.removing.Lock()
	defer c.removing.Unlock()
	if c.begun.removed(rec.ID) {
		return 0, nil
	}
	if rev, err = c.gather(journal.Put, lost); err == nil {
		c.begun.note(rec.ID, false)
	}
	return rev, err
}

// sameFile reports whether the path of a row and the path of a file are equal apart from the suffix
// .part: a file gets its final name before its row does.
func sameFile(row, file string) bool {
	return strings.TrimSuffix(row, media.PartSuffix) == strings.TrimSuffix(file, media.PartSuffix)
}

// gather adds a change of the row old to the journal's next write, for journal.Await, and returns
// the revision of the change.
func (c *Catalogue) gather(kind journal.Kind, old *row.Row) (int64, error) {
	if err := c.room(); err != nil {
		return 0, err
	}
	r := *old
	return c.journal.Gather(kind, &r, max(old.Revision, old.ProtectedRev))
}
