package metadata

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/gospool/spool/pipeline/filesystem"
)

// medium is every operation that the journal asks of its directory, so that a test
// can record them all and replay what a power cut leaves.
type medium interface {
	// Create makes a file that was not there, to be written from its beginning.
	Create(name string) (diskFile, error)
	Read(name string) ([]byte, error)
	List() ([]string, error)
	Remove(name string) error
	// SyncDir makes the names in the directory durable.
	SyncDir() error
}

type diskFile interface {
	Write(b []byte) (int, error)
	// Sync makes the bytes and the size durable.
	Sync() error
	Close() error
}

// directory is the real disk.
type directory string

func (d directory) path(name string) string { return filepath.Join(string(d), name) }

func (d directory) Create(name string) (diskFile, error) {
	f, err := os.OpenFile(d.path(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, err
	}
	return appended{f}, nil
}

func (d directory) Read(name string) ([]byte, error) { return os.ReadFile(d.path(name)) }

func (d directory) List() (names []string, err error) {
	entries, err := os.ReadDir(string(d))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (d directory) Remove(name string) error { return os.Remove(d.path(name)) }

func (d directory) SyncDir() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(system.SyncDir(int(f.Fd())), f.Close())
}

// system are the calls that a file system may refuse.
var system filesystem.Calls

// appended is a file whose sync leaves out what no reader needs, such as times.
type appended struct{ *os.File }

func (f appended) Sync() error { return system.Datasync(int(f.Fd())) }

// roomy is a file that takes room ahead of what is written.
type roomy interface{ reserve(n int64) }

// reserve takes room without changing the file's size. That it cannot is no loss:
// each write takes its own then.
func (f appended) reserve(n int64) {
	_ = system.Allocate(int(f.Fd()), 0, n)
}
