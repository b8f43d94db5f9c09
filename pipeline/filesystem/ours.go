package filesystem

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNotOurs says that somebody else can have written a file, so that what it says is not
// obeyed. The error's text says why, and what to do when the file is right all the same.
var ErrNotOurs = errors.New("it is not obeyed")

// ReadOurs reads a file that is obeyed, of so many bytes at most: a regular file with one name,
// of this process's user, which no other user may write to. From Top on, no directory on the
// way to it is one that another user may rename files in. Another file is ErrNotOurs. What is
// judged is what is read.
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

// NothingPutBack reports with ErrNotOurs that another user can put files of ours in a directory
// in the place of others, as ReadOurs finds it of a file there. A directory that is not there
// is fs.ErrNotExist.
func NothingPutBack(dir string) error {
	d, err := openDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return noOtherRenames(d)
}

// OurDirectory reports with ErrNotOurs that another user can have put files into a
// directory, or the directory in its place: it is a link, another user's, or writable by
// others, or one of those above it is, from Top on. One that is not there is fs.ErrNotExist.
func (o Own) OurDirectory(name string) error {
	dir, err := o.openOurs(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	var s unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &s); err != nil {
		return &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if s.Mode&unix.S_IFMT != unix.S_IFDIR {
		return notOurs(name, "it is no directory", "remove it")
	}
	if err := owned(name, &s); err != nil {
		return err
	}
	return writtenByNoOther(name, &s)
}

// openOurs opens what has a name below Top, which no other user can have put there from among
// our own: see noOtherRenames. For another name, its own directory is in the place of Top.
func (o Own) openOurs(name string) (f *os.File, err error) {
	rel, below := o.under(name)
	if !below {
		o, rel = Own{Top: filepath.Dir(name)}, filepath.Base(name)
	}
	dir, err := o.top()
	if err != nil {
		return nil, err
	}
	var renamed error // of the first directory that is at fault; what is not there comes before it
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

// notLinked says of an error that a name is not of a file of a directory why it is not.
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

// openDir opens a directory to find files in it, which takes no right to read it.
func openDir(name string) (*os.File, error) {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// noOtherRenames wants a directory in which no other user can put a file of ours in the
// place of another one: its owner can, whatever its modes are, and so can those who may
// write to it, unless it has the sticky bit.
func noOtherRenames(dir *os.File) error {
	var s unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &s); err != nil {
		return &os.PathError{Op: "stat", Path: dir.Name(), Err: err}
	}
	me := uint32(unix.Geteuid())
	if s.Uid != me && s.Uid != 0 {
		return notOurs(dir.Name(), fmt.Sprintf("it belongs to the user %d, who can put other files in it and old ones back, and spool runs as %d", s.Uid, me),
			fmt.Sprintf("chown %d %s, or run spool as the user %d", me, dir.Name(), s.Uid))
	}
	if s.Mode&unix.S_ISVTX != 0 {
		return nil
	}
	return writtenByNoOther(dir.Name(), &s)
}

func ours(f *os.File) error {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return &os.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	switch {
	case s.Mode&unix.S_IFMT != unix.S_IFREG:
		return notOurs(f.Name(), "it is no regular file", "remove it")
	case s.Nlink != 1:
		return notOurs(f.Name(), "it has a second name (a hard link)", "copy it, and put the copy in its place")
	}
	if err := owned(f.Name(), &s); err != nil {
		return err
	}
	return writtenByNoOther(f.Name(), &s)
}

func owned(name string, s *unix.Stat_t) error {
	if s.Uid == uint32(unix.Geteuid()) {
		return nil
	}
	return notOurs(name, fmt.Sprintf("it belongs to the user %d, and spool runs as %d", s.Uid, unix.Geteuid()), fmt.Sprintf("chown %d %s", unix.Geteuid(), name))
}

func writtenByNoOther(name string, s *unix.Stat_t) error {
	if s.Mode&(unix.S_IWGRP|unix.S_IWOTH) == 0 {
		return nil
	}
	return notOurs(name, "other users may write to it", "chmod go-w "+name)
}

func notOurs(name, why, do string) error {
	return fmt.Errorf("%w: %s: %s; if what it says is right: %s", ErrNotOurs, name, why, do)
}
