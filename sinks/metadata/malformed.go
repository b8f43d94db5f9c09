package metadata

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrMalformed: the file of the database is damaged, or none of SQLite. Changes wait in
// the journal until Rescue has put another one in its place.
var ErrMalformed = errors.New("the catalogue's file is malformed")

// malformed reports whether an error of SQLite is about what is in its file.
func malformed(err error) bool {
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return false
	}
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return false
}

// damaged is what is known of a file that is malformed. As long as the same one is
// there it is not opened again: most of it may still work, which would be taken for
// all of it.
type damaged struct {
	err  error
	file fileID
	next time.Time // when it is examined again: what a failing disk gave once may be well
	wait time.Duration
}

const examineAfter, examineAtMost = 30 * time.Second, time.Hour

type fileID struct{ device, inode uint64 }

func identify(file string) (fileID, bool) {
	info, err := os.Stat(file)
	if err != nil {
		return fileID{}, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return fileID{uint64(st.Dev), st.Ino}, ok
}

// spoiled notes that the file is malformed.
func (c *Catalogue) spoiled(err error) {
	if c.broken.Load() != nil || c.target.file == "" || c.opened.Load() == nil {
		return
	}
	c.broken.Store(&damaged{file: *c.opened.Load(), next: c.opts.Clock.Now().Add(examineAfter), wait: examineAfter, err: fmt.Errorf("%w: %s: %w: run spool reindex, which keeps that file beside, "+
		"takes over what of it can be read, and makes the rest from the recordings", ErrMalformed, c.target.file, err)})
}

// stillMalformed reports the damage while the damaged file is in place, and lets go of
// it, so that another one can take its place.
func (c *Catalogue) stillMalformed(ctx context.Context) error {
	d := c.broken.Load()
	if d == nil {
		return nil
	}
	if s := c.store.Swap(nil); s != nil {
		_ = s.close()
		c.claim.held = false
	}
	if id, ok := identify(c.target.file); ok && id == d.file && !d.wellAgain(ctx, c.target.file, c.opts.Clock.Now()) {
		return d.err
	}
	c.broken.Store(nil)
	c.fellBehind()
	return nil
}

// wellAgain examines the whole file, ever more seldom.
func (d *damaged) wellAgain(ctx context.Context, file string, now time.Time) bool {
	if now.Before(d.next) {
		return false
	}
	well, err := examine(ctx, file)
	d.wait = min(2*d.wait, examineAtMost)
	d.next = now.Add(d.wait)
	return well && err == nil
}

// noteFile remembers which file is opened.
func (c *Catalogue) noteFile() {
	if c.target.file == "" {
		return
	}
	if id, ok := identify(c.target.file); ok {
		c.opened.Store(&id)
	}
}
