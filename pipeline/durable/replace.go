package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// Unfinished is what the name of a file ends with that Replace has not finished. One
// that is there after a crash was never promised.
const Unfinished = ".new"

// Replace gives a file new contents, or makes it. It is there as a whole when Replace
// returns nil, and stays so over a power cut; else it is as it was, or not there.
// Calls for one name must not overlap.
func Replace(disk FS, name string, text []byte, perm fs.FileMode) error {
	unfinished := name + Unfinished
	f, err := disk.Create(unfinished, perm)
	if errors.Is(err, fs.ErrExist) { // of a crash
		if err = disk.Remove(unfinished); err == nil {
			f, err = disk.Create(unfinished, perm)
		}
	}
	if err != nil {
		return err
	}
	return Publish(disk, f, unfinished, name, text)
}

// Names is as much of an FS as Publish asks for. A Rename that takes no name from
// another file makes a Publish that does not either.
type Names interface {
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error
}

// Contents is as much of a File as Publish asks for.
type Contents interface {
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Publish writes all of an open file, closes it, and gives it the name that it is
// known by. A file that could not get it is removed.
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

// MkdirAll makes a directory and those above it that are not there, each durable in
// the one above: without that a power cut takes it with all that was synced in it.
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
	if errors.Is(err, fs.ErrPermission) { // one that may be written to and not read
		return disk.SyncFS(dir)
	}
	return err
}
