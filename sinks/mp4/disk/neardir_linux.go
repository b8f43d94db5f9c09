package disk

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// nearDir is the directory of the most recently created file. It stays open, so that the file
// can be renamed when the process has no file descriptors left.
type nearDir struct {
	name string
	dir  *os.File // nil if it could not be opened
}

func (n *nearDir) close() {
	if n.dir != nil {
		_ = n.dir.Close()
		n.dir = nil
	}
}

// keep opens a directory and replaces the previous one, even if the name is the same: it may be
// a new directory.
func (n *nearDir) keep(root *os.Root, name string) {
	n.close()
	n.name = name
	n.dir, _ = root.Open(name) // on an error the directory is opened when it is needed
}

// leads reports whether a path leads to the directory.
func (n *nearDir) leads(path string) bool {
	var open, named unix.Stat_t
	return n.dir != nil && unix.Fstat(int(n.dir.Fd()), &open) == nil && unix.Stat(path, &named) == nil &&
		open.Dev == named.Dev && open.Ino == named.Ino
}

// openDir opens a directory; the caller must call done.
func (d *Dir) openDir(name string) (dir *os.File, done func(), err error) {
	dir, err = d.root.Open(name)
	if err == nil {
		return dir, func() { _ = dir.Close() }, nil
	}
	if (errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)) && d.near.name == name && d.near.leads(filepath.Join(d.dir, name)) {
		return d.near.dir, func() {}, nil
	}
	return nil, nil, err
}
