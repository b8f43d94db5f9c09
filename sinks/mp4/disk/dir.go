package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/gospool/spool/pipeline/filesystem"
)

// ErrOwned reports that another recorder, or another part of this process, writes the file.
var ErrOwned = errors.New("the file is being written")

// Dir is the FS of a real record directory, which is open. No name leads outside of it (os.Root),
// and the last component of a file's name must not be a symbolic link.
type Dir struct {
	dir   string
	root  *os.Root
	near  nearDir
	modes Modes // modes of new files and directories

	// Calls holds the system calls that some file systems lack. Tests replace them.
	Calls filesystem.Calls
}

// Open opens an existing record directory; new files get DefaultModes.
func Open(dir string) (*Dir, error) { return OpenAs(dir, DefaultModes) }

// OpenAs opens an existing record directory; new files and directories get the modes m.
func OpenAs(dir string, m Modes) (*Dir, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Dir{dir: dir, root: root, modes: m}, nil
}

// Own returns access to the files in the directory that are no recordings: facts, indexes, the
// identity. It uses the directory that is open, even if its path leads to another one now.
func (d *Dir) Own() filesystem.Own {
	return filesystem.Own{Top: d.dir, Dir: func() (*os.File, error) { return d.root.Open(".") }}
}

func (d *Dir) Close() error {
	d.near.close()
	return d.root.Close()
}

func (d *Dir) Create(name string) (File, error) {
	f, err := d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err == nil {
		d.near.keep(d.root, path.Dir(name))
	}
	return f, err
}

func (d *Dir) Open(name string) (File, error) { return d.open(name, os.O_RDWR) }

// open opens and locks a file. Before the lock, recovery may have removed the file, or its writer
// may have renamed it: open then returns fs.ErrNotExist.
func (d *Dir) open(name string, flag int) (File, error) {
	f, err := d.openFile(name, flag)
	if err != nil {
		return nil, err
	}
	unlock, err := d.Calls.Lock(d.root, name, f)
	if err != nil {
		_ = f.Close()
		if errors.Is(err, filesystem.ErrLocked) {
			return nil, fmt.Errorf("%s: %w", name, ErrOwned)
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	open, err := f.Stat()
	if err == nil {
		var named fs.FileInfo
		if named, err = d.root.Lstat(name); err == nil && !os.SameFile(open, named) {
			err = fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
	}
	if err != nil {
		_ = f.Close()
		unlock()
		return nil, err
	}
	return &file{File: f, sys: &d.Calls, unlock: unlock}, nil
}

// openFile opens a regular file or a directory. It returns an error for a symbolic link, a pipe or
// a device. A new file gets the modes of the directory.
func (d *Dir) openFile(name string, flag int) (*os.File, error) {
	dir, err := d.root.Open(path.Dir(name))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	modes := d.modes.of(name)
	f, err := filesystem.OpenBelow(dir, path.Base(name), flag, modes.File)
	if err == nil && flag&os.O_CREATE != 0 {
		if err = modes.give(&d.Calls, f); err != nil {
			return nil, errors.Join(err, f.Close(), d.root.Remove(name))
		}
	}
	return f, err
}

func (d *Dir) OpenRead(name string) (File, error) {
	f, err := d.openFile(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return &file{File: f, sys: &d.Calls, unlock: func() {}}, nil
}

func (d *Dir) Rename(from, to string) error {
	dir, done, err := d.openDir(path.Dir(from))
	if err != nil {
		return err
	}
	defer done()
	if err = d.Calls.RenameNew(int(dir.Fd()), path.Base(from), path.Base(to)); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func (d *Dir) Remove(name string) error { return d.root.Remove(name) }

func (d *Dir) Mkdir(name string) (bool, error) {
	modes := d.modes.of(name)
	err := d.root.Mkdir(name, modes.Dir)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	made, err := d.openFile(name, filesystem.Directory)
	if errors.Is(err, fs.ErrNotExist) { // another process removed the empty directory
		return true, nil
	}
	if err != nil {
		return true, err
	}
	return true, errors.Join(modes.give(&d.Calls, made), made.Close())
}

func (d *Dir) RemoveDir(name string) error {
	parent, err := d.root.OpenFile(path.Dir(name), os.O_RDONLY|filesystem.Directory, 0)
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := filesystem.RemoveDir(parent, path.Base(name)); err != nil {
		return &fs.PathError{Op: "rmdir", Path: name, Err: err}
	}
	return nil
}

func (d *Dir) SyncDir(name string) error {
	dir, done, err := d.openDir(name)
	if err != nil {
		return err
	}
	defer done()
	if err := d.Calls.SyncDir(int(dir.Fd())); err != nil {
		return &fs.PathError{Op: "fsync", Path: name, Err: err}
	}
	return nil
}

func (d *Dir) Stat(name string) (fs.FileInfo, error) { return d.root.Lstat(name) }

func (d *Dir) ReadDir(name string) ([]fs.DirEntry, error) {
	return fs.ReadDir(d.root.FS(), name)
}

func (d *Dir) Same() (bool, error) {
	open, err := d.root.Stat(".")
	if err != nil {
		return false, err
	}
	named, err := os.Stat(d.dir)
	if err != nil {
		return false, err
	}
	return os.SameFile(open, named), nil
}
