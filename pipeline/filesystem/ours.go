package filesystem

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrNotOurs says that somebody else can have written a file, so that what it says is not
// obeyed. The error's text says why, and what to do when the file is right all the same.
var ErrNotOurs = errors.New("it is not obeyed")

// ReadOurs is ReadAtMost for a file that is obeyed: it is a regular file with one name, of
// this process's user, which no other user may write to, in a directory that no other user
// may rename files in. Another file is ErrNotOurs. What is judged is what is read: the file
// is opened first, by no link.
func ReadOurs(name string, most int64) ([]byte, error) {
	dir, err := openDir(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	base := filepath.Base(name)
	fd, err := unix.Openat(int(dir.Fd()), base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, notOurs(name, "it is a link", "put the file itself there")
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if err := noOtherRenames(dir); err != nil {
		return nil, err
	}
	if err := ours(f); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		return nil, fmt.Errorf("%s has more than the %d bytes that are read of it", name, most)
	}
	return b, err
}

// OurDirectory reports with ErrNotOurs that another user can have put files into a
// directory: it is a link, another user's, or writable by others. One that is not there is
// fs.ErrNotExist.
func OurDirectory(name string) error {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return notOurs(name, "it is a link or no directory", "remove it")
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	dir := os.NewFile(uintptr(fd), name)
	defer dir.Close()
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if err := owned(name, &s); err != nil {
		return err
	}
	return writtenByNoOther(name, &s)
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
// place of another one. In one with the sticky bit that takes the file's owner.
func noOtherRenames(dir *os.File) error {
	var s unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &s); err != nil {
		return &os.PathError{Op: "stat", Path: dir.Name(), Err: err}
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
