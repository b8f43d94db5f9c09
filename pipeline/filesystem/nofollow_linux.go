//go:build !portable

package filesystem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// openBelow walks to the file with openat, which takes no link: see OpenBelow.
func openBelow(dir *os.File, name string, flag int, perm fs.FileMode) (*os.File, error) {
	parent, base, done, err := parentBelow(dir, name)
	if err != nil {
		return nil, err
	}
	defer done()
	if flag&os.O_CREATE == 0 { // checked before the open, because opening a device may have an effect
		var found unix.Stat_t
		if err := unix.Fstatat(parent, base, &found, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		if kind := found.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
			return nil, fmt.Errorf("%s: %w", name, ErrNotBelow)
		}
	}
	fd, err := openat(parent, base, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK, uint32(perm.Perm()))
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%s: %w", name, ErrNotBelow)
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	if err := waitable(fd); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), filepath.Join(dir.Name(), filepath.FromSlash(name))), nil
}

// waitable checks that the open file fd is a regular file or a directory, and returns ErrNotBelow for another
// kind of file. It then clears O_NONBLOCK, with which the file was opened so that opening a pipe does not
// block.
func waitable(fd int) error {
	var open unix.Stat_t
	if err := unix.Fstat(fd, &open); err != nil {
		return err
	}
	if kind := open.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return ErrNotBelow
	}
	return unix.SetNonblock(fd, false)
}

func lstatBelow(dir *os.File, name string) (fs.FileInfo, error) {
	parent, base, done, err := parentBelow(dir, name)
	if err != nil {
		return nil, err
	}
	defer done()
	fd, err := openat(parent, base, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	return f.Stat()
}

// parentBelow opens the directory that contains a name, for system calls such as openat that take a directory
// and base, the last segment of the name. No other segment may be a symbolic link. The caller calls done when
// it no longer needs parent.
func parentBelow(dir *os.File, given string) (parent int, base string, done func(), err error) {
	name, ok := localName(given)
	if !ok {
		return 0, "", nil, fmt.Errorf("%.200q: %w", given, ErrNotBelow)
	}
	parent, done = int(dir.Fd()), func() {}
	for {
		segment, rest, deeper := strings.Cut(name, "/")
		if !deeper {
			return parent, segment, done, nil
		}
		below, err := openat(parent, segment, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		done()
		if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return 0, "", nil, fmt.Errorf("%s: %w", name, ErrNotBelow)
		}
		if err != nil {
			return 0, "", nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		parent, name, done = below, rest, func() { _ = unix.Close(below) }
	}
}

func openat(dir int, name string, flag int, perm uint32) (fd int, err error) {
	for {
		fd, err = unix.Openat(dir, name, flag|unix.O_CLOEXEC, perm)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// openDir opens a directory with O_PATH. The result serves for openat and fstat, but not for listing the
// directory, so the caller needs no read permission.
func openDir(name string) (*os.File, error) {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}
