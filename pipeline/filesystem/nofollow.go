package filesystem

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNotBelow is the error for a name that does not belong to a file in a directory: the name leads out of the
// directory, or through a symbolic link, or it names a pipe, a socket or a device.
var ErrNotBelow = errors.New("not a file of the directory")

// OpenBelow opens a regular file or a directory below dir. name is slash-separated. The error is ErrNotBelow if a
// segment of name is a symbolic link, or if name is that of a pipe, a socket or a device; the call does not block
// on these. flag and perm are the arguments of os.OpenFile, but O_CREATE is allowed only together with O_EXCL.
func OpenBelow(dir *os.File, name string, flag int, perm fs.FileMode) (*os.File, error) {
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

// LstatBelow returns the FileInfo of a name below dir, as os.Lstat does. Only the last segment of name may be a
// symbolic link.
func LstatBelow(dir *os.File, name string) (fs.FileInfo, error) {
	if name == "." {
		return dir.Stat()
	}
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
func parentBelow(dir *os.File, name string) (parent int, base string, done func(), err error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.ContainsRune(name, 0) {
		return 0, "", nil, fmt.Errorf("%.200q: %w", name, ErrNotBelow)
	}
	name = path.Clean(name)
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
