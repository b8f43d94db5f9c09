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

// Files opens recordings by their name below the record directory. Dir implements it.
type Files interface {
	// Open opens a file for reading; the caller closes it. An fs.ErrNotExist becomes 404.
	Open(name string) (File, error)
}

// File is an open recording.
type File struct {
	*os.File
	Info    fs.FileInfo
	Growing bool
	Size    int64 // playable bytes: the whole file, or up to the last complete chunk
}

// Growing describes a file that is being written: its present name on disk, and its size up to the
// last complete chunk. ok is false for a file that is not being written.
type Growing func(name string) (onDisk string, size int64, ok bool)

// Dir implements Files on a record directory. It opens nothing outside the directory, and nothing
// through a symbolic link inside it.
type Dir struct {
	path    string
	growing Growing
}

// NewDir returns the Dir of a directory, which need not exist yet.
func NewDir(path string, growing Growing) *Dir { return &Dir{path, growing} }

// Open opens a file by its final name, or by its name while it grows. It opens the directory each
// time, because that may be unmounted and mounted again.
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
		} // the file was finished in between: it has its final name now
	}
	if final != name {
		return File{}, fmt.Errorf("%w: %s is not being written", fs.ErrNotExist, name)
	}
	return open(root, final)
}

// open never blocks: a FIFO under the name of a file must not hold a request.
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
	if err == nil && !os.SameFile(info, named) { // a link has replaced it since
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

// direct returns the info of a regular file, and an error for a path through a symbolic link, even
// inside the directory.
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

// CheckFileName refuses names that no recording can have, because the record directory also holds
// the catalogue and its journal. Names are slash-separated, relative, and end in .mp4, or .mp4.part
// while the file grows; no segment is hidden.
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
