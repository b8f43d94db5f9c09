package disk

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
)

// Remove deletes a file of a record directory and its parent directories that become empty. It
// returns no error if the file is gone already.
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

// Prune removes the empty parent directories of a deleted file, from the innermost one up. It
// keeps the record directory and symbolic links, and ignores errors: an empty directory does no
// harm.
//
// A recorder that is about to use such a directory creates it again, see MkdirAll.
func Prune(fsys FS, name string) {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if err := fsys.RemoveDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}

// MkdirAll creates a directory and its parents, each durable in its own parent.
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
