package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/gospool/spool/pipeline/filesystem"
)

// FS is the disk interface of this package. Names are file names in the form of the operating system.
type FS interface {
	// Create creates a file for writing. It returns fs.ErrExist if the file exists.
	Create(name string, perm fs.FileMode) (File, error)
	// Open opens an existing file for writing.
	Open(name string) (File, error)
	Read(name string) ([]byte, error)
	// ReadOurs reads a file whose content decides what spool does. It returns filesystem.ErrNotOurs for a file
	// that another user may have written.
	ReadOurs(name string) ([]byte, error)
	// Rename renames a file. It replaces a file that has the new name.
	Rename(from, to string) error
	Remove(name string) error
	// Mkdir creates one directory.
	Mkdir(name string, perm fs.FileMode) error
	Stat(name string) (fs.FileInfo, error)
	// List returns the entries of a directory, sorted by name.
	List(dir string) ([]fs.DirEntry, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// SyncFS makes everything on the file system of a directory durable.
	SyncFS(dir string) error
}

// File is a file that is open for writing.
type File interface {
	io.WriterAt
	Truncate(size int64) error
	// Allocate reserves disk space for size bytes and sets the size of the file.
	Allocate(size int64) error
	// Sync makes the bytes and the size of the file durable.
	Sync() error
	Close() error
}

// Disk is the FS of the operating system. The zero value is ready for use.
type Disk struct {
	Calls filesystem.Calls
	Own   filesystem.Own // opens the files; below Own.Top it refuses symbolic links and special files
}

// Below returns the FS for spool's own files below a directory, which refuses symbolic links and special files
// there; see filesystem.Own.
func Below(dir string) Disk { return Disk{Own: filesystem.Own{Top: dir}} }

// Create implements FS.
func (d Disk) Create(name string, perm fs.FileMode) (File, error) {
	f, err := d.Own.Open(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return nil, err
	}
	d.exactly(f, perm)
	return &diskFile{f, &d.Calls}, nil
}

// Open implements FS.
func (d Disk) Open(name string) (File, error) {
	f, err := d.Own.Open(name, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return &diskFile{f, &d.Calls}, nil
}

// Read implements FS. It returns an error for a file of more than maxRead bytes.
func (d Disk) Read(name string) ([]byte, error) { return d.Own.ReadAtMost(name, maxRead) }

// ReadOurs implements FS. It returns an error for a file of more than maxRead bytes.
func (d Disk) ReadOurs(name string) ([]byte, error) { return d.Own.ReadOurs(name, maxRead) }

const maxRead = 64 << 20

// Rename implements FS.
func (d Disk) Rename(from, to string) error { return d.Own.Rename(from, to) }

// Remove implements FS.
func (d Disk) Remove(name string) error { return d.Own.Remove(name) }

// Mkdir implements FS.
func (d Disk) Mkdir(name string, perm fs.FileMode) error {
	made, err := d.Own.Mkdir(name, perm)
	if made != nil { // a directory that cannot be opened for reading keeps the mode that Mkdir gave it
		d.exactly(made, perm)
		_ = made.Close()
	}
	return err
}

// exactly sets the mode of a new file or directory, regardless of the umask. On a file system without modes it
// has no effect; filesystem.Probe reports such a file system.
func (d *Disk) exactly(f *os.File, perm fs.FileMode) {
	if info, err := f.Stat(); err == nil && info.Mode().Perm() != perm {
		_ = d.Calls.Chmod(int(f.Fd()), perm)
	}
}

// Stat implements FS.
func (d Disk) Stat(name string) (fs.FileInfo, error) { return d.Own.Stat(name) }

// List implements FS.
func (d Disk) List(dir string) ([]fs.DirEntry, error) { return d.Own.List(dir) }

// SyncDir implements FS.
func (d Disk) SyncDir(dir string) error {
	return d.onDirectory(dir, func(f *os.File) error { return d.Calls.SyncDir(int(f.Fd())) })
}

// SyncFS implements FS.
func (d Disk) SyncFS(dir string) error {
	return d.onDirectory(dir, d.Calls.SyncFS)
}

func (d Disk) onDirectory(name string, do func(*os.File) error) error {
	dir, err := d.Own.Open(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(do(dir), dir.Close())
}

type diskFile struct {
	*os.File
	sys *filesystem.Calls
}

func (f *diskFile) Allocate(size int64) error {
	err := f.sys.Allocate(int(f.Fd()), 0, size)
	if errors.Is(err, errors.ErrUnsupported) {
		_, err = f.WriteAt(make([]byte, size), 0)
	}
	if err != nil {
		return f.failed("fallocate", err)
	}
	return f.Truncate(size)
}

func (f *diskFile) Sync() error { return f.failed("fsync", f.sys.Sync(int(f.Fd()))) }

func (f *diskFile) failed(op string, err error) error {
	if err != nil {
		return &fs.PathError{Op: op, Path: f.Name(), Err: err}
	}
	return nil
}
