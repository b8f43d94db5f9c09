package playback

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/streampath"
)

// Files opens the files of recordings by their names below the record directory. Dir implements it.
type Files interface {
	// Open opens a file for reading; the caller closes it. The error is fs.ErrNotExist if there is
	// no such file, or if it must not be served.
	Open(name string) (File, error)
}

// File is the open file of a recording.
type File struct {
	*os.File
	Info    fs.FileInfo
	Growing bool  // the recorder still writes the file
	Size    int64 // bytes that can be played: the whole file, or a growing one up to its last complete chunk
}

// Growing returns, for the final name of a file, the name that the file has on disk while it grows,
// and its size in bytes up to the last complete chunk. ok is false for a file that does not grow.
type Growing func(name string) (onDisk string, size int64, ok bool)

// Dir opens the files of a record directory; it implements Files. It follows no symbolic link below
// the directory.
type Dir struct {
	path    string
	growing Growing
}

// NewDir returns a Dir for the record directory at path, which need not exist yet. growing may be
// nil: then no file grows.
func NewDir(path string, growing Growing) *Dir { return &Dir{path, growing} }

// Open opens a file by its final name; a growing file also by the name that it has on disk. It opens
// the record directory anew for each call, because the disk may be unmounted and mounted again.
func (d *Dir) Open(name string) (File, error) {
	if err := CheckFileName(name); err != nil {
		return File{}, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return File{}, err
	}
	defer root.Close()
	final := strings.TrimSuffix(name, media.PartSuffix)
	if d.growing != nil {
		if onDisk, size, ok := d.growing(final); ok {
			f, err := open(root, onDisk)
			if err == nil {
				f.Growing, f.Size = true, min(size, f.Size)
				return f, nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return File{}, err
			}
		} // the file was finished after d.growing had returned, and now has its final name
	}
	if final != name {
		return File{}, fmt.Errorf("%w: %s is not being written", fs.ErrNotExist, name)
	}
	return open(root, final)
}

// open opens a regular file without following symbolic links. It does not wait for the writer of a
// FIFO that has the name of a file.
func open(root *os.Root, name string) (File, error) {
	named, err := direct(root, name)
	if err != nil {
		return File{}, err
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return File{}, err
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(info, named) { // another file or a link has taken the name since the call of direct
		err = fmt.Errorf("%w: another file", fs.ErrNotExist)
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a regular file", fs.ErrNotExist)
	}
	if err != nil {
		f.Close()
		return File{}, err
	}
	return File{File: f, Info: info, Size: info.Size()}, nil
}

// direct returns the fs.FileInfo of a file. It returns an error if the file is not regular, or if
// the file or a directory on the path to it is a symbolic link.
func direct(root *os.Root, name string) (info fs.FileInfo, err error) {
	for at := range len(name) {
		if name[at] != '/' {
			continue
		}
		if info, err = root.Lstat(name[:at]); err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("%w: %s is no directory", fs.ErrNotExist, name[:at])
		}
	}
	if info, err = root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a regular file", fs.ErrNotExist)
	}
	return info, err
}

// CheckFileName returns an error for a name that no file of a recording can have, so that no other file
// of the record directory is served, such as the catalogue's database. A valid name is a relative path
// with slashes. It ends in .mp4, or in .mp4.part while the file grows, and none of its segments begins
// with a dot.
func CheckFileName(name string) error {
	if err := streampath.CheckStored(name); err != nil {
		return errors.New("not the name of a recording")
	}
	for seg := range strings.SplitSeq(name, "/") {
		if seg[0] == '.' {
			return errors.New("not the name of a recording")
		}
	}
	if path.Ext(strings.TrimSuffix(name, media.PartSuffix)) != ".mp4" {
		return errors.New("not the name of a recording: those end in .mp4")
	}
	return nil
}
