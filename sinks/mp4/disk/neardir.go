package disk

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/gospool/spool/pipeline/filesystem"
)

// nearDir is the directory of the most recently created file. It stays open, so that the file
// can be renamed even when the process has no file descriptor left to open the directory.
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

// keep opens the directory of a new file and closes the previous one. It does so even if the name
// is the same, because the directory may have been removed and created again.
func (n *nearDir) keep(root *os.Root, name string) {
	n.close()
	n.name = name
	n.dir, _ = root.Open(name) // on an error the directory is opened when it is needed
}

// leads reports whether the given path still leads to the open directory n.dir.
func (n *nearDir) leads(path string) bool {
	if n.dir == nil {
		return false
	}
	open, err := n.dir.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(open, named)
}

// openDir opens a directory. If the process has no file descriptor left, it returns the open
// directory of d.near, if that is the requested one. The caller must call done.
func (d *Dir) openDir(name string) (dir *os.File, done func(), err error) {
	dir, err = d.root.Open(name)
	if err == nil {
		return dir, func() { _ = dir.Close() }, nil
	}
	if filesystem.IsAny(err, syscall.EMFILE, syscall.ENFILE) && d.near.name == name && d.near.leads(filepath.Join(d.dir, name)) {
		return d.near.dir, func() {}, nil
	}
	return nil, nil, err
}
