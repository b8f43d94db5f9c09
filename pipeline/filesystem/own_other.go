//go:build !linux || portable

package filesystem

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Mkdir creates a directory as os.Mkdir does, and returns the new directory, opened. If the directory was created
// but cannot be opened for reading, made and err are nil. The caller closes made.
func (o Own) Mkdir(name string, perm fs.FileMode) (made *os.File, err error) {
	below, err := o.in("mkdir", name, func(parent *os.Root, base string) error {
		if err := parent.Mkdir(base, perm.Perm()); err != nil {
			return err
		}
		if named, err := parent.Lstat(base); err == nil && named.IsDir() {
			made, _ = parent.Open(base)
		}
		return nil
	})
	if below {
		return made, err
	}
	if err = os.Mkdir(name, perm); err != nil {
		return nil, err
	}
	made, _ = os.OpenFile(name, os.O_RDONLY|Directory|NoFollow, 0)
	return made, nil
}

// Rename renames a file as os.Rename does. Either both names are below Top, or both are outside of it.
func (o Own) Rename(from, to string) error {
	old, below := o.under(from)
	name, also := o.under(to)
	if !below && !also {
		return os.Rename(from, to)
	}
	if !below || !also {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: syscall.EXDEV}
	}
	for _, each := range []string{from, to} { // no link leads to them
		if _, err := o.in("rename", each, func(*os.Root, string) error { return nil }); err != nil {
			return err
		}
	}
	dir, err := o.top()
	if err != nil {
		return err
	}
	defer dir.Close()
	top, err := rootOf(dir)
	if err != nil {
		return err
	}
	defer top.Close()
	if err := top.Rename(filepath.FromSlash(old), filepath.FromSlash(name)); err != nil {
		return &fs.PathError{Op: "rename", Path: from, Err: system(err)}
	}
	return nil
}

// Remove removes a file or an empty directory, as os.Remove does. For a link it removes the link, not the
// target.
func (o Own) Remove(name string) error {
	below, err := o.in("remove", name, func(parent *os.Root, base string) error { return parent.Remove(base) })
	if below {
		return err
	}
	return os.Remove(name)
}

// in calls do with the open directory that contains a name, and the last segment of the name. op is the name of
// the operation in an error of do. For a name outside of Top, in does not call do, and returns false.
func (o Own) in(op, name string, do func(parent *os.Root, base string) error) (below bool, err error) {
	rel, below := o.under(name)
	if !below {
		return false, nil
	}
	top, err := o.top()
	if err != nil {
		return true, err
	}
	defer top.Close()
	parent, base, err := parentBelow(top, rel)
	if err != nil {
		return true, o.explain(name, err)
	}
	defer parent.Close()
	if err = do(parent, base); err != nil {
		err = &fs.PathError{Op: op, Path: name, Err: system(err)}
	}
	return true, err
}

// system returns the error of the operating system in an error of package os.
func system(err error) error {
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return cause(err)
}
