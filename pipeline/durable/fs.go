package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
)

// FS is what is asked of a disk, with names as the system writes them.
type FS interface {
	// Create makes a file that was not there.
	Create(name string, perm fs.FileMode) (File, error)
	// Open opens a file that is there, for writing.
	Open(name string) (File, error)
	Read(name string) ([]byte, error)
	// ReadOurs is Read of a file that is obeyed: one that another user can have written is
	// filesystem.ErrNotOurs.
	ReadOurs(name string) ([]byte, error)
	// Rename gives a file another name, and takes that name from the one that has it.
	Rename(from, to string) error
	Remove(name string) error
	// Mkdir makes one directory.
	Mkdir(name string, perm fs.FileMode) error
	Stat(name string) (fs.FileInfo, error)
	// List lists a directory by name.
	List(dir string) ([]fs.DirEntry, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// SyncFS makes all of the file system durable that a directory is on.
	SyncFS(dir string) error
}

// File is a file that is open for writing.
type File interface {
	io.WriterAt
	Truncate(size int64) error
	// Allocate gives the file a size, with the room for it.
	Allocate(size int64) error
	// Sync makes the bytes and the size durable.
	Sync() error
	Close() error
}

// Disk is the real FS. The zero value is ready for use.
type Disk struct {
	Calls filesystem.Calls
	Own   filesystem.Own // where others may plant links
}

// Below is the real FS for what spool keeps for itself below a directory: see filesystem.Own.
func Below(dir string) Disk { return Disk{Own: filesystem.Own{Top: dir}} }

// Create is FS.
func (d Disk) Create(name string, perm fs.FileMode) (File, error) {
	f, err := d.Own.Open(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return nil, err
	}
	d.exactly(f, perm)
	return &diskFile{f, &d.Calls}, nil
}

// Open is FS.
func (d Disk) Open(name string) (File, error) {
	f, err := d.Own.Open(name, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return &diskFile{f, &d.Calls}, nil
}

// Read is FS. A file of more than maxRead bytes is none of ours.
func (d Disk) Read(name string) ([]byte, error) { return d.Own.ReadAtMost(name, maxRead) }

// ReadOurs is FS.
func (d Disk) ReadOurs(name string) ([]byte, error) { return d.Own.ReadOurs(name, maxRead) }

const maxRead = 64 << 20

// Rename is FS.
func (d Disk) Rename(from, to string) error { return d.Own.Rename(from, to) }

// Remove is FS.
func (d Disk) Remove(name string) error { return d.Own.Remove(name) }

// Mkdir is FS.
func (d Disk) Mkdir(name string, perm fs.FileMode) error {
	made, err := d.Own.Mkdir(name, perm)
	if made != nil { // one that may be written to and not read stays as it was made
		d.exactly(made, perm)
		_ = made.Close()
	}
	return err
}

// exactly gives what this process just made its mode, whatever the umask has taken of it. A
// file system that has no modes keeps its own: Probe says so.
func (d *Disk) exactly(f *os.File, perm fs.FileMode) {
	if info, err := f.Stat(); err == nil && info.Mode().Perm() != perm {
		_ = d.Calls.Chmod(int(f.Fd()), perm)
	}
}

// Stat is FS.
func (d Disk) Stat(name string) (fs.FileInfo, error) { return d.Own.Stat(name) }

// List is FS.
func (d Disk) List(dir string) ([]fs.DirEntry, error) { return d.Own.List(dir) }

// SyncDir is FS.
func (d Disk) SyncDir(dir string) error {
	return d.onDirectory(dir, func(f *os.File) error { return d.Calls.SyncDir(int(f.Fd())) })
}

// SyncFS is FS.
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
