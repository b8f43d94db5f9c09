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
type Disk struct{ Calls filesystem.Calls }

// Create is FS.
func (d Disk) Create(name string, perm fs.FileMode) (File, error) {
	return d.open(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
}

// Open is FS.
func (d Disk) Open(name string) (File, error) { return d.open(name, os.O_WRONLY, 0) }

func (d Disk) open(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if flag&os.O_CREATE != 0 {
		exactly(f, perm)
	}
	return &diskFile{f, &d.Calls}, nil
}

// Read is FS. A file of more than maxRead bytes is none of ours.
func (Disk) Read(name string) ([]byte, error) { return filesystem.ReadAtMost(name, maxRead) }

// ReadOurs is FS.
func (Disk) ReadOurs(name string) ([]byte, error) { return filesystem.ReadOurs(name, maxRead) }

const maxRead = 64 << 20

// Rename is FS.
func (Disk) Rename(from, to string) error { return os.Rename(from, to) }

// Remove is FS.
func (Disk) Remove(name string) error { return os.Remove(name) }

// Mkdir is FS.
func (Disk) Mkdir(name string, perm fs.FileMode) error {
	if err := os.Mkdir(name, perm); err != nil {
		return err
	}
	if d, err := os.Open(name); err == nil { // one that may be written to and not read stays as it was made
		exactly(d, perm)
		_ = d.Close()
	}
	return nil
}

// exactly gives what was just made its mode, whatever the process's umask has taken of it. A
// file system that has no modes keeps its own.
func exactly(f *os.File, perm fs.FileMode) {
	if info, err := f.Stat(); err == nil && info.Mode().Perm() != perm {
		_ = f.Chmod(perm)
	}
}

// Stat is FS.
func (Disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// List is FS.
func (Disk) List(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

// SyncDir is FS.
func (d Disk) SyncDir(dir string) error {
	return onDirectory(dir, func(f *os.File) error { return d.Calls.SyncDir(int(f.Fd())) })
}

// SyncFS is FS.
func (Disk) SyncFS(dir string) error {
	return onDirectory(dir, func(f *os.File) error { return unix.Syncfs(int(f.Fd())) })
}

func onDirectory(dir string, do func(*os.File) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.Close())
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
