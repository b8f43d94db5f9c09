package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// Unfinished is the suffix of the file that Replace writes before it renames the file. A crash may leave such a
// file; it has no meaning and may be removed.
const Unfinished = ".new"

// Replace creates a file with the content text, or replaces the content of an existing file. When it returns nil,
// a power cut cannot undo the change. After an error before the rename, the file has its old content, or is
// missing as before; if only the sync of the directory failed, it has the new content until a power cut. Calls for
// the same name must not overlap.
func Replace(disk FS, name string, text []byte, perm fs.FileMode) error {
	unfinished := name + Unfinished
	f, err := disk.Create(unfinished, perm)
	if errors.Is(err, fs.ErrExist) { // left by a crash
		if err = disk.Remove(unfinished); err == nil {
			f, err = disk.Create(unfinished, perm)
		}
	}
	if err != nil {
		return err
	}
	return Publish(disk, f, unfinished, name, text)
}

// Names is the part of FS that Publish needs. If Rename returns an error for a name that exists, Publish does not
// replace a file, but returns that error.
type Names interface {
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error
}

// Contents is the part of File that Publish needs.
type Contents interface {
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Publish writes text to the open file f with the name from, closes the file, and renames it to name. If a step
// before or at the rename fails, it removes the file. When it returns nil, a power cut cannot undo the change.
func Publish(disk Names, f Contents, from, name string, text []byte) error {
	_, err := f.WriteAt(text, 0)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = disk.Rename(from, name)
	}
	if err != nil {
		return errors.Join(err, disk.Remove(from))
	}
	return disk.SyncDir(filepath.Dir(name))
}

// MkdirAll creates a directory and its missing parents. It syncs the parent of each new directory; otherwise a
// power cut could remove the directory with all files in it, synced or not.
func MkdirAll(disk FS, dir string, perm fs.FileMode) error {
	switch info, err := disk.Stat(dir); {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("mkdir %s: a file has that name", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	above := filepath.Dir(dir)
	if above != dir {
		if err := MkdirAll(disk, above, perm); err != nil {
			return err
		}
	}
	if err := disk.Mkdir(dir, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	err := disk.SyncDir(above)
	if errors.Is(err, fs.ErrPermission) { // the parent cannot be opened for reading
		return disk.SyncFS(dir)
	}
	return err
}
