package journal

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/gospool/spool/pipeline/filesystem"
)

// Medium lists the operations that the journal performs on its directory, so that a test can
// record them and replay the states that a power cut may leave.
type Medium interface {
	// Create makes a new file, to be written from its beginning. It refuses an existing name.
	Create(name string) (File, error)
	Read(name string) ([]byte, error)
	List() ([]string, error)
	Remove(name string) error
	// SyncDir makes the names in the directory durable.
	SyncDir() error
}

// File is a journal file that is open for writing.
type File interface {
	Write(b []byte) (int, error)
	// Sync makes the bytes and the size durable.
	Sync() error
	Close() error
}

// Directory is a Medium on a real disk.
type Directory struct {
	own filesystem.Own
	dir string
}

// In returns the directory dir. It follows no symbolic link below top.
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

// refused is the Medium of a directory that may not be used; why is the reason.
type refused struct{ why error }

func (r refused) Create(string) (File, error) { return nil, r.why }
func (r refused) Read(string) ([]byte, error) { return nil, r.why }
func (r refused) List() ([]string, error)     { return nil, nil }
func (r refused) Remove(string) error         { return r.why }
func (r refused) SyncDir() error              { return r.why }

// System performs the system calls that a file system may refuse. Tests replace it.
var System filesystem.Calls

// appended is a file whose Sync is fdatasync, which leaves out the times.
type appended struct{ *os.File }

func (f appended) Sync() error { return System.Datasync(int(f.Fd())) }

// reserver is a file that can reserve disk space ahead of the writes.
type reserver interface{ reserve(n int64) }

// reserve allocates disk space without changing the file's size. It ignores a failure: each
// write then allocates its own.
func (f appended) reserve(n int64) {
	_ = System.Allocate(int(f.Fd()), 0, n)
}
