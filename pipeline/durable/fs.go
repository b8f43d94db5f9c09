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

// Disk is the real FS.
type Disk struct{}

// Create is FS.
func (Disk) Create(name string, perm fs.FileMode) (File, error) {
	return opened(os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm))
}

// Open is FS.
func (Disk) Open(name string) (File, error) { return opened(os.OpenFile(name, os.O_WRONLY, 0)) }

// Read is FS.
func (Disk) Read(name string) ([]byte, error) { return os.ReadFile(name) }

// Rename is FS.
func (Disk) Rename(from, to string) error { return os.Rename(from, to) }

// Remove is FS.
func (Disk) Remove(name string) error { return os.Remove(name) }

// Mkdir is FS.
func (Disk) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }

// Stat is FS.
func (Disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// List is FS.
func (Disk) List(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

// SyncDir is FS.
func (Disk) SyncDir(dir string) error {
	return onDirectory(dir, func(d *os.File) error { return (&filesystem.Calls{}).SyncDir(int(d.Fd())) })
}

// SyncFS is FS.
func (Disk) SyncFS(dir string) error {
	return onDirectory(dir, func(d *os.File) error { return unix.Syncfs(int(d.Fd())) })
}

func onDirectory(dir string, do func(*os.File) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.Close())
}

type diskFile struct{ *os.File }

func opened(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (f diskFile) Allocate(size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		_, err = f.WriteAt(make([]byte, size), 0)
	}
	return err
}
