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

// Files opens footage by its name below the record directory; Dir does it on a
// directory.
type Files interface {
	// Open opens a file for reading; the caller closes it. An error that is
	// fs.ErrNotExist becomes 404.
	Open(name string) (File, error)
}

// File is an open recording.
type File struct {
	*os.File
	Info    fs.FileInfo
	Growing bool
	Size    int64 // bytes that can be played: all of it, or up to the last whole chunk
}

// Growing tells what of a file that is being written can be played: the name
// that it has on disk until it is finished, and its size up to the last whole
// chunk. ok is false for a file that nobody writes.
type Growing func(name string) (onDisk string, size int64, ok bool)

// Dir is Files on a record directory. Nothing outside of it can be opened, whatever name
// is asked for, and nothing over a symbolic link that lies in it.
type Dir struct {
	path    string
	growing Growing
}

// NewDir serves the files below a directory, which need not exist yet.
func NewDir(path string, growing Growing) *Dir { return &Dir{path, growing} }

// Open opens a file by its final name, or by the name it has while it grows.
// The directory is opened each time: it may be unmounted and come back.
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
		} // finished between the two looks: it has its final name now
	}
	if final != name {
		return File{}, fmt.Errorf("%w: %s is not being written", fs.ErrNotExist, name)
	}
	return open(root, final)
}

// open never waits: a FIFO under the name of a file must not hold a request.
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
	if err == nil && !os.SameFile(info, named) { // a link has taken its place since
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

// direct tells of a file to which no link leads, inside of the directory neither.
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

// CheckFileName refuses what is not the name of footage: the record directory
// holds the catalogue and its journal too. Names are slash-separated, relative,
// and end in .mp4, or .mp4.part while the file grows; no segment is hidden.
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
