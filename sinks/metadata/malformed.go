package metadata

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/metadata/database"
)

// ErrMalformed reports that the file of the SQLite database is damaged, or is no SQLite file. Changes
// wait in the journal until Rescue, or an operator, has replaced the file.
var ErrMalformed = errors.New("the catalogue's file is malformed")

// damaged describes a malformed file. The catalogue does not open the file as long as it is in
// place and damaged: a query could return the readable rows as if there were no other rows.
type damaged struct {
	err  error
	file filesystem.Identity
	next time.Time     // when the file is examined again: the disk may have returned wrong bytes only once
	wait time.Duration // interval of examinations
}

// examineAfter and examineAtMost are the first and the longest interval of examinations
// (damaged.wait), which doubles each time.
const examineAfter, examineAtMost = 30 * time.Second, time.Hour

// noteMalformed records that the file that was opened last is malformed; err is SQLite's error.
func (c *Catalogue) noteMalformed(err error) {
	if c.broken.Load() != nil || c.target.File == "" || c.opened.Load() == nil {
		return
	}
	c.broken.Store(&damaged{file: *c.opened.Load(), next: c.opts.Clock.Now().Add(examineAfter), wait: examineAfter, err: fmt.Errorf("%w: %s: %w: run spool reindex, which keeps that file under another name, "+
		"copies its readable rows, and adds the others from the recordings on the disk", ErrMalformed, c.target.File, err)})
}

// stillMalformed returns an ErrMalformed as long as the damaged file is in its place and no later
// examination has found it intact; else nil. If noteMalformed was called, stillMalformed first
// closes the database, so that Rescue can replace the file.
func (c *Catalogue) stillMalformed(ctx context.Context) error {
	d := c.broken.Load()
	if d == nil {
		return nil
	}
	if s := c.store.Swap(nil); s != nil {
		_ = s.Close()
		c.claim.held = false
	}
	if id, ok := filesystem.Identify(c.target.File); ok && id == d.file && !d.intactAgain(ctx, c.target.File, c.opts.Clock.Now()) {
		return d.err
	}
	c.broken.Store(nil)
	c.fellBehind()
	return nil
}

// intactAgain examines the whole file if d.next has come, and reports whether the file is intact.
// Before d.next it returns false.
func (d *damaged) intactAgain(ctx context.Context, file string, now time.Time) bool {
	if now.Before(d.next) {
		return false
	}
	well, err := database.Examine(ctx, file)
	d.wait = min(2*d.wait, examineAtMost)
	d.next = now.Add(d.wait)
	return well && err == nil
}

// noteFile stores the identity of the database file, for noteMalformed.
func (c *Catalogue) noteFile() {
	if c.target.File == "" {
		return
	}
	if id, ok := filesystem.Identify(c.target.File); ok {
		c.opened.Store(&id)
	}
}

// Rescue replaces the file of a SQLite catalogue if it is malformed: see database.Rescue. It returns
// the zero value for an intact file and for another driver.
func Rescue(ctx context.Context, o OpenOptions, recordDir string) (database.Rescued, error) {
	o.defaults()
	t, err := database.Parse(o.Driver, o.DSN)
	if err != nil {
		return database.Rescued{}, err
	}
	return database.Rescue(ctx, t, recordDir, database.RescueOptions{Now: o.Clock.Now, Wait: o.ApplyTimeout})
}
