package journal

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/gospool/spool/pipeline/filesystem"
)

// Medium performs the operations of the journal on its directory. Tests implement it to record the
// operations and to derive the states that a power cut may leave. Names are relative to the directory.
type Medium interface {
	// Create creates a file for writing. It returns an error if a file with this name exists.
	Create(name string) (File, error)
	// Read returns the content of a file.
	Read(name string) ([]byte, error)
	// List returns the names in the directory, in any order.
	List() ([]string, error)
	// Remove removes a file.
	Remove(name string) error
	// SyncDir makes the names in the directory durable.
	SyncDir() error
}

// File is a journal file that is open for writing.
type File interface {
	// Write appends to the file.
	Write(b []byte) (int, error)
	// Sync makes the file's bytes and its size durable.
	Sync() error
	// Close closes the file and does not sync it.
	Close() error
}

// Directory is the Medium of a directory on a disk.
type Directory struct {
	own filesystem.Own
	dir string
}

// In returns the Medium of the directory dir. It follows no symbolic link below the directory top.
func In(top, dir string) Directory { return Directory{filesystem.Own{Top: top}, dir} }

func (d Directory) path(name string) string { return filepath.Join(d.dir, name) }

// Create implements Medium.
func (d Directory) Create(name string) (File, error) {
	f, err := d.own.Open(d.path(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return appended{f}, nil
}

// Read implements Medium.
func (d Directory) Read(name string) ([]byte, error) {
	f, err := d.own.Open(d.path(name), os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// List implements Medium.
func (d Directory) List() (names []string, err error) {
	entries, err := d.own.List(d.dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// Remove implements Medium.
func (d Directory) Remove(name string) error { return d.own.Remove(d.path(name)) }

// SyncDir implements Medium.
func (d Directory) SyncDir() error {
	f, err := d.own.Open(d.dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(System.SyncDir(int(f.Fd())), f.Close())
}

// refused is the Medium of a directory that must not be used: List returns no names, and every other
// method returns the error why.
type refused struct{ why error }

func (r refused) Create(string) (File, error) { return nil, r.why }
func (r refused) Read(string) ([]byte, error) { return nil, r.why }
func (r refused) List() ([]string, error)     { return nil, nil }
func (r refused) Remove(string) error         { return r.why }
func (r refused) SyncDir() error              { return r.why }

// System performs the system calls that some file systems do not support. Tests replace it.
var System filesystem.Calls

// appended is a file that is synced by fdatasync, which does not write the file's times.
type appended struct{ *os.File }

// Sync implements File.
func (f appended) Sync() error { return System.Datasync(int(f.Fd())) }

// reserver is a File whose disk space can be allocated before the file is written.
type reserver interface{ reserve(n int64) }

// reserve allocates the first n bytes of the file and does not change its size. It ignores errors:
// if it fails, each write allocates its own space.
func (f appended) reserve(n int64) {
	_ = System.Allocate(int(f.Fd()), 0, n)
}
