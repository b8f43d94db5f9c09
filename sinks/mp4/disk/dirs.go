package disk

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
)

// Remove deletes a file of a record directory, and the directories above it that
// are empty then. That it is gone already is no error.
func Remove(dir, name string) error {
	fsys, err := Open(dir)
	if err != nil {
		return err
	}
	defer fsys.Close()
	name = filepath.ToSlash(filepath.Clean(name))
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	Prune(fsys, name)
	return nil
}

// Prune removes the directories of a file that is gone, from the last one up,
// as long as they are empty. The record directory stays, and so does a link. What
// cannot be removed now is no loss: it is empty.
//
// A recorder may be about to use such a directory: it makes it again, see MkdirAll.
func Prune(fsys FS, name string) {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if err := fsys.RemoveDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}

// MkdirAll makes a directory and those above it, each durable in its parent.
func MkdirAll(fsys FS, dir string) error {
	if dir == "." {
		return nil
	}
	if info, err := fsys.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := path.Dir(dir)
	if err := MkdirAll(fsys, parent); err != nil {
		return err
	}
	made, err := fsys.Mkdir(dir)
	if err != nil || !made {
		return err
	}
	return fsys.SyncDir(parent)
}
