//go:build !linux || portable

package filesystem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// The functions of this file reach a file by os.Root, directory by directory, and check that no segment is a link.
// With the build tag portable, Linux uses them too, so that the tests run them.

// openBelow implements OpenBelow.
func openBelow(dir *os.File, name string, flag int, perm fs.FileMode) (*os.File, error) {
	parent, base, err := parentBelow(dir, name)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	if flag&os.O_CREATE == 0 { // checked before the open, because opening a device may have an effect
		if err := isFile(parent.Lstat(base)); err != nil {
			return nil, wrong(name, err)
		}
	}
	f, err := parent.OpenFile(base, flag|syscall.O_NONBLOCK, perm.Perm())
	if err != nil {
		return nil, wrong(name, err)
	}
	open, err := f.Stat()
	if err == nil {
		err = isFile(open, nil)
	}
	if err == nil {
		var named fs.FileInfo
		if named, err = parent.Lstat(base); err == nil && !os.SameFile(open, named) {
			err = ErrNotBelow // os.Root has followed a link
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, wrong(name, err)
	}
	return f, nil
}

// lstatBelow implements LstatBelow.
func lstatBelow(dir *os.File, name string) (fs.FileInfo, error) {
	parent, base, err := parentBelow(dir, name)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	info, err := parent.Lstat(base)
	if err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: cause(err)}
	}
	return info, nil
}

// isFile returns err, or ErrNotBelow for a link, a pipe, a socket or a device.
func isFile(info fs.FileInfo, err error) error {
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return ErrNotBelow
	}
	return err
}

// wrong adds a name to an error of opening it.
func wrong(name string, err error) error {
	if errors.Is(err, ErrNotBelow) {
		return fmt.Errorf("%s: %w", name, ErrNotBelow)
	}
	return &fs.PathError{Op: "open", Path: name, Err: cause(err)}
}

// cause returns the error in a PathError.
func cause(err error) error {
	var in *fs.PathError
	if errors.As(err, &in) {
		return in.Err
	}
	return err
}

// parentBelow opens the directory that contains a name; base is the last segment of the name. No other segment may be
// a symbolic link. The caller closes parent.
func parentBelow(dir *os.File, given string) (parent *os.Root, base string, err error) {
	name, ok := localName(given)
	if !ok {
		return nil, "", fmt.Errorf("%.200q: %w", given, ErrNotBelow)
	}
	if parent, err = rootOf(dir); err != nil {
		return nil, "", err
	}
	for {
		segment, rest, deeper := strings.Cut(name, "/")
		if !deeper {
			return parent, segment, nil
		}
		below, err := stepInto(parent, segment)
		_ = parent.Close()
		if err != nil {
			return nil, "", wrong(name, err)
		}
		parent, name = below, rest
	}
}

// rootOf opens an open directory as an os.Root. It returns fs.ErrNotExist if the directory's name leads to another
// one now.
func rootOf(dir *os.File) (*os.Root, error) {
	root, err := os.OpenRoot(dir.Name())
	if err != nil {
		return nil, err
	}
	open, err := dir.Stat()
	if err == nil {
		var named fs.FileInfo
		if named, err = root.Stat("."); err == nil && !os.SameFile(open, named) {
			err = &fs.PathError{Op: "open", Path: dir.Name(), Err: fs.ErrNotExist}
		}
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// stepInto opens a directory in another one. The error for a symbolic link is ErrNotBelow.
func stepInto(parent *os.Root, segment string) (*os.Root, error) {
	named, err := parent.Lstat(segment)
	if err != nil {
		return nil, err
	}
	if !named.IsDir() {
		return nil, ErrNotBelow
	}
	below, err := parent.OpenRoot(segment)
	if err != nil {
		return nil, err
	}
	open, err := below.Stat(".")
	if err == nil && !os.SameFile(open, named) {
		err = ErrNotBelow
	}
	if err != nil {
		return nil, errors.Join(err, below.Close())
	}
	return below, nil
}

// openDir opens a directory.
func openDir(name string) (*os.File, error) {
	d, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := d.Stat()
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}
