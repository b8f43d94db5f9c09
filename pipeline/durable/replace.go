package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// Unfinished is the suffix of a file that Replace has not finished. Such a file left by a crash was
// never promised.
const Unfinished = ".new"

// Replace creates a file or replaces its content. When it returns nil the file is complete, and a
// power cut does not change that; on an error it is unchanged or missing. Calls for the same name
// must not overlap.
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

// Names is the part of FS that Publish needs. With a Rename that replaces no file, Publish replaces
// none either.
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

// Publish writes an open file, closes it, and renames it to its final name. On an error it removes
// the file.
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

// MkdirAll creates a directory and its missing parents, each durable in its parent: otherwise a
// power cut could remove it with all synced files in it.
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
	if errors.Is(err, fs.ErrPermission) { // a directory without read permission
		return disk.SyncFS(dir)
	}
	return err
}
