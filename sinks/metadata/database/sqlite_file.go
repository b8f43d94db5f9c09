package database

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
)

// besideFile lists the suffixes of the files that SQLite and spool keep beside the file of a database.
var besideFile = []string{"-wal", "-shm", "-journal", openSuffix, migrateSuffix}

// migrateSuffix names the file that is locked during migrations.
const migrateSuffix = ".migrate"

// own returns the access to the files of a SQLite database. It follows no symbolic link below
// t.Top. If t.Top is empty, or the file is not below it, it follows none within the file's
// directory.
func (t *Target) own() filesystem.Own {
	if top, err := filepath.Abs(t.Top); err == nil && t.Top != "" {
		dir, err := filepath.Abs(filepath.Dir(t.File))
		if rel, no := filepath.Rel(top, dir); err == nil && no == nil && filepath.IsLocal(rel) {
			return filesystem.Own{Top: top}
		}
	}
	return filesystem.Own{Top: filepath.Dir(t.File)}
}

// prepare creates the file of a SQLite database and its directory, if they are missing, for spool's
// user alone. SQLite itself would create a file that every user can read; it gives the files beside
// it the same mode as that file.
//
// prepare does not open an existing file: by POSIX, closing it would release the locks that SQLite
// has on it. It also returns the errors of checkFiles.
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

// checkFiles returns an error if the database file, or a file beside it, exists and is not a
// regular file but a symbolic link, a pipe, a device or a directory.
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
