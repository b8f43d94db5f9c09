//go:build !portable

package filesystem

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Mkdir creates a directory as os.Mkdir does, and returns the new directory, opened. If the directory was created
// but cannot be opened for reading, made and err are nil. The caller closes made.
func (o Own) Mkdir(name string, perm fs.FileMode) (made *os.File, err error) {
	below, err := o.in("mkdir", name, func(parent int, base string) error {
		if err := again(func() error { return unix.Mkdirat(parent, base, uint32(perm.Perm())) }); err != nil {
			return err
		}
		if fd, err := openat(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0); err == nil {
			made = os.NewFile(uintptr(fd), name)
		}
		return nil
	})
	if below {
		return made, err
	}
	if err = os.Mkdir(name, perm); err != nil {
		return nil, err
	}
	made, _ = os.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	return made, nil
}

// Rename renames a file as os.Rename does. Either both names are below Top, or both are outside of it.
func (o Own) Rename(from, to string) error {
	below, err := o.in("rename", from, func(fromDir int, fromBase string) error {
		below, err := o.in("rename", to, func(toDir int, toBase string) error {
			return again(func() error { return unix.Renameat(fromDir, fromBase, toDir, toBase) })
		})
		if !below {
			return unix.EXDEV
		}
		return err
	})
	if below {
		return err
	}
	return os.Rename(from, to)
}

// Remove removes a file or an empty directory, as os.Remove does. For a link it removes the link, not the
// target.
func (o Own) Remove(name string) error {
	below, err := o.in("remove", name, func(parent int, base string) error {
		file := again(func() error { return unix.Unlinkat(parent, base, 0) })
		if file == nil {
			return nil
		}
		dir := again(func() error { return unix.Unlinkat(parent, base, unix.AT_REMOVEDIR) })
		if errors.Is(dir, unix.ENOTDIR) {
			return file
		}
		return dir
	})
	if below {
		return err
	}
	return os.Remove(name)
}

// in calls do with the open directory that contains a name, and the last segment of the name. op is the name of
// the operation in an error of do. For a name outside of Top, in does not call do, and returns false.
func (o Own) in(op, name string, do func(parent int, base string) error) (below bool, err error) {
	rel, below := o.under(name)
	if !below {
		return false, nil
	}
	top, err := o.top()
	if err != nil {
		return true, err
	}
	defer top.Close()
	parent, base, done, err := parentBelow(top, rel)
	if err != nil {
		return true, o.explain(name, err)
	}
	defer done()
	if err = do(parent, base); err != nil {
		err = &fs.PathError{Op: op, Path: name, Err: err}
	}
	return true, err
}
