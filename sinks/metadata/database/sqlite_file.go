package database

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
)

// besideFile lists the suffixes of the files that SQLite and spool keep beside a sqlite database.
var besideFile = []string{"-wal", "-shm", "-journal", openSuffix, migrateSuffix}

const migrateSuffix = ".migrate"

// own returns the access to the files of a sqlite database that follows no symbolic link below
// Top when the file is below Top, and none in the file's own directory otherwise.
func (t *Target) own() filesystem.Own {
	if top, err := filepath.Abs(t.Top); err == nil && t.Top != "" {
		dir, err := filepath.Abs(filepath.Dir(t.File))
		if rel, no := filepath.Rel(top, dir); err == nil && no == nil && filepath.IsLocal(rel) {
			return filesystem.Own{Top: top}
		}
	}
	return filesystem.Own{Top: filepath.Dir(t.File)}
}

// prepare creates the file of a sqlite database and its directory, with modes that admit only
// spool's user: SQLite would create a file that every user can read, and gives its further files
// the mode of this one. It refuses a link, a pipe, a device or a directory in the place of any of
// these files, before SQLite opens it. It does not open an existing file: closing that would
// release SQLite's locks.
func (t *Target) prepare() error {
	own := t.own()
	disk := durable.Disk{Own: own}
	if err := durable.MkdirAll(disk, filepath.Dir(t.File), 0o700); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if f, err := disk.Create(t.File, 0o600); err == nil {
		_ = f.Close()
	}
	return t.checkFiles(own)
}

// checkFiles returns an error when the database file, or a file beside it, is a link, a pipe, a device
// or a directory.
func (t *Target) checkFiles(own filesystem.Own) error {
	for _, suffix := range append([]string{""}, besideFile...) {
		info, err := own.Stat(t.File + suffix)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("sqlite: %w", err)
		case !info.Mode().IsRegular():
			return fmt.Errorf("sqlite: %s is a directory, in the place of a file of the database: move it away", t.File+suffix)
		}
	}
	return nil
}
