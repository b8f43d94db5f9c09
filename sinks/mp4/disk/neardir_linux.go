package disk

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// nearDir is the directory of the file that was created last. It stays open, so that
// the file can be given its name when the process may open no further one.
type nearDir struct {
	name string
	dir  *os.File // nil where it could not be opened
}

func (n *nearDir) close() {
	if n.dir != nil {
		_ = n.dir.Close()
		n.dir = nil
	}
}

// keep opens a directory, for later. One of the same name may be another by now.
func (n *nearDir) keep(root *os.Root, name string) {
	n.close()
	n.name = name
	n.dir, _ = root.Open(name) // it is opened again when it is needed
}

// leads reports whether a path leads to the directory.
func (n *nearDir) leads(path string) bool {
	var open, named unix.Stat_t
	return n.dir != nil && unix.Fstat(int(n.dir.Fd()), &open) == nil && unix.Stat(path, &named) == nil &&
		open.Dev == named.Dev && open.Ino == named.Ino
}

// openDir opens a directory; done closes it.
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
