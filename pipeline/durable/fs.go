package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
)

// FS is the disk interface of this package. Names are in the system's form.
type FS interface {
	// Create creates a file that must not exist.
	Create(name string, perm fs.FileMode) (File, error)
	// Open opens an existing file for writing.
	Open(name string) (File, error)
	Read(name string) ([]byte, error)
	// ReadOurs is Read of a file that spool obeys: a file that another user can have written is
	// filesystem.ErrNotOurs.
	ReadOurs(name string) ([]byte, error)
	// Rename renames a file, and replaces a file with the new name.
	Rename(from, to string) error
	Remove(name string) error
	// Mkdir makes one directory.
	Mkdir(name string, perm fs.FileMode) error
	Stat(name string) (fs.FileInfo, error)
	// List returns the entries of a directory, sorted by name.
	List(dir string) ([]fs.DirEntry, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// SyncFS makes the whole file system of a directory durable.
	SyncFS(dir string) error
}

// File is a file that is open for writing.
type File interface {
	io.WriterAt
	Truncate(size int64) error
	// Allocate sets the size of the file and reserves its room.
	Allocate(size int64) error
	// Sync makes the bytes and the size durable.
	Sync() error
	Close() error
}

// Disk is the FS of the system. The zero value is ready for use.
type Disk struct {
	Calls filesystem.Calls
	Own   filesystem.Own // protects against links that other users make
}

// Below returns the FS for spool's own files below a directory: see filesystem.Own.
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

// Read implements FS. It refuses a file of more than maxRead bytes.
func (d Disk) Read(name string) ([]byte, error) { return d.Own.ReadAtMost(name, maxRead) }

// ReadOurs implements FS.
func (d Disk) ReadOurs(name string) ([]byte, error) { return d.Own.ReadOurs(name, maxRead) }

const maxRead = 64 << 20

// Rename implements FS.
func (d Disk) Rename(from, to string) error { return d.Own.Rename(from, to) }

// Remove implements FS.
func (d Disk) Remove(name string) error { return d.Own.Remove(name) }

// Mkdir implements FS.
func (d Disk) Mkdir(name string, perm fs.FileMode) error {
	made, err := d.Own.Mkdir(name, perm)
	if made != nil { // a directory without read permission keeps its first mode
		d.exactly(made, perm)
		_ = made.Close()
	}
	return err
}

// exactly sets the mode of a new file or directory regardless of the umask. A file system without
// modes keeps its own: Probe reports it.
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
	return d.onDirectory(dir, func(f *os.File) error { return unix.Syncfs(int(f.Fd())) })
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
