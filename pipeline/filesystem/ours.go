package filesystem

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotOurs is the error for a file that another user may have written, so that spool does not use its
// content. The error's text states the reason, and the remedy if the content is right.
var ErrNotOurs = errors.New("it is not obeyed")

// ReadOurs reads a file that controls spool, such as a list of commands; the file has at most most bytes. It must
// be a regular file with a single name, owned by this process's user and writable by no other user. Below Top, no
// directory on its path may allow another user to rename files. Otherwise the error is ErrNotOurs. The checks
// apply to the open file, and so to the bytes that are read.
func (o Own) ReadOurs(name string, most int64) ([]byte, error) {
	f, err := o.openOurs(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := ours(f); err != nil {
		return nil, err
	}
	return readAtMost(f, most)
}

// NothingPutBack checks that no other user can replace a file in dir by another file of this process's user,
// such as an old copy. It returns ErrNotOurs if a user can. The error for a missing directory is
// fs.ErrNotExist.
func NothingPutBack(dir string) error {
	d, err := openDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return noOtherRenames(d)
}

// OurDirectory checks that no other user may have put files into a directory, or replaced it. It returns
// ErrNotOurs if the directory, or one above it from Top on, is a link, belongs to another user, or is writable
// by other users. The error for a missing directory is fs.ErrNotExist.
func (o Own) OurDirectory(name string) error {
	dir, err := o.openOurs(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return oursToFill(dir)
}

// openOurs opens a name below Top. It checks that no other user can have put another file of this process's
// user in its place: see noOtherRenames. For a name outside of Top, it checks only the directory that contains
// the name.
func (o Own) openOurs(name string) (f *os.File, err error) {
	rel, below := o.under(name)
	if !below {
		o, rel = Own{Top: filepath.Dir(name)}, filepath.Base(name)
	}
	dir, err := o.top()
	if err != nil {
		return nil, err
	}
	var renamed error // error for the first directory that fails the check; the error for a missing file has precedence
	for deeper := true; deeper; {
		if renamed == nil {
			renamed = noOtherRenames(dir)
		}
		var segment string
		segment, rel, deeper = strings.Cut(rel, "/")
		if f, err = OpenBelow(dir, segment, os.O_RDONLY, 0); err != nil {
			err = notLinked(dir, segment, err)
		}
		_ = dir.Close()
		if err != nil {
			return nil, err
		}
		dir = f
	}
	if renamed != nil {
		_ = f.Close()
		return nil, renamed
	}
	return f, nil
}

// notLinked replaces ErrNotBelow by an ErrNotOurs with the reason and the remedy. It returns any other error
// unchanged.
func notLinked(dir *os.File, name string, err error) error {
	if !errors.Is(err, ErrNotBelow) {
		return err
	}
	path := filepath.Join(dir.Name(), name)
	if info, err := LstatBelow(dir, name); err == nil && info.Mode()&os.ModeSymlink == 0 {
		return notOurs(path, "it is no regular file", "remove it")
	}
	return notOurs(path, "it is a link", "put in its place what it leads to")
}

func notOurs(name, why, do string) error {
	return fmt.Errorf("%w: %s: %s; if what it says is right: %s", ErrNotOurs, name, why, do)
}
