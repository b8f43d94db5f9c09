package disk

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
)

// Remove deletes a file, given by its name below the record directory dir, and its parent
// directories that become empty. It returns no error if the file does not exist.
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

// Prune removes the parent directories of a deleted file that are empty, from the innermost one
// up. It keeps the record directory and symbolic links, and ignores errors: an empty directory
// does no harm. A recorder that meanwhile needs such a directory creates it again.
func Prune(fsys FS, name string) {
	for dir := path.Dir(name); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if err := fsys.RemoveDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}

// MkdirAll creates a directory and its parents if they do not exist. It syncs the parent of each
// new directory, so that the new name is durable.
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
