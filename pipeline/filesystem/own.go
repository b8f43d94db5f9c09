package filesystem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Own accesses spool's own files in a directory where other users may write. The path of a name below Top must
// not contain a symbolic link, and the name must be that of a regular file or a directory. Otherwise the error
// is ErrNotBelow, with the path and the remedy. A name outside of Top, and Top itself, may contain links,
// because the operator chose them.
//
// Names are file names in the form of the operating system. The zero value checks nothing.
type Own struct {
	Top string
	// Dir returns Top, opened. If it is nil, Top is opened by its name. Dir is for a directory that is open
	// already, so that another user cannot replace it.
	Dir func() (*os.File, error)
}

// under returns a name relative to Top, slash-separated. ok is false for a name outside of Top.
func (o Own) under(name string) (rel string, ok bool) {
	if o.Top == "" {
		return "", false
	}
	top := o.Top
	if filepath.IsAbs(top) != filepath.IsAbs(name) {
		var a, b error
		if top, a = filepath.Abs(top); a == nil {
			name, b = filepath.Abs(name)
		}
		if a != nil || b != nil {
			return "", false
		}
	}
	rel, err := filepath.Rel(top, name)
	if err != nil || !filepath.IsLocal(rel) || rel == "." && o.Dir == nil {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

func (o Own) top() (*os.File, error) {
	if o.Dir != nil {
		return o.Dir()
	}
	return openDir(o.Top)
}

// Open opens a file as os.OpenFile does. Below Top it opens neither a link nor a special file: the error is
// ErrNotBelow, or fs.ErrExist with O_CREATE and O_EXCL. It does not check a name outside of Top.
func (o Own) Open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	rel, below := o.under(name)
	if !below {
		return os.OpenFile(name, flag, perm)
	}
	top, err := o.top()
	if err != nil {
		return nil, err
	}
	defer top.Close()
	if flag&(os.O_CREATE|os.O_EXCL) != os.O_CREATE {
		f, err := OpenBelow(top, rel, flag, perm)
		return f, o.explain(name, err)
	}
	for {
		f, err := OpenBelow(top, rel, flag&^os.O_CREATE, 0)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = OpenBelow(top, rel, flag|os.O_EXCL, perm)
		}
		if !errors.Is(err, fs.ErrExist) { // else another process created the file in between: try again
			return f, o.explain(name, err)
		}
	}
}

// Stat returns the FileInfo of a file or a directory, as os.Stat does. Below Top, the error for a link or a
// special file is ErrNotBelow.
func (o Own) Stat(name string) (fs.FileInfo, error) {
	rel, below := o.under(name)
	if !below {
		return os.Stat(name)
	}
	top, err := o.top()
	if err != nil {
		return nil, err
	}
	defer top.Close()
	info, err := LstatBelow(top, rel)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = ErrNotBelow
	}
	if err != nil {
		return nil, o.explain(name, err)
	}
	return info, nil
}

// List returns the entries of a directory, sorted by name.
func (o Own) List(dir string) ([]fs.DirEntry, error) {
	d, err := o.Open(dir, os.O_RDONLY|Directory, 0)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	entries, err := d.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// explain adds the name to an error. For ErrNotBelow it adds the link or special file in the way, and the
// remedy.
func (o Own) explain(name string, err error) error {
	var system *fs.PathError
	if errors.As(err, &system) {
		system.Path = name
	}
	if !errors.Is(err, ErrNotBelow) {
		return err
	}
	at, what := name, "a pipe, a socket or a device"
	for rel, _ := o.under(name); rel != "."; rel = filepath.Dir(rel) {
		path := filepath.Join(o.Top, filepath.FromSlash(rel))
		if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			at, what = path, "a link"
		}
	}
	return &linkedError{at, what}
}

// linkedError is an ErrNotBelow that names the link or special file and the remedy.
type linkedError struct{ path, what string }

func (p *linkedError) Error() string {
	return fmt.Sprintf("%s is %s, in the place of a file or directory of spool's own: remove it; where that is to lie on another disk, mount the disk there", p.path, p.what)
}

func (p *linkedError) Unwrap() error { return ErrNotBelow }
