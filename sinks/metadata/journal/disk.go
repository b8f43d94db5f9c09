package journal

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/gospool/spool/pipeline/filesystem"
)

// Medium is every operation that the journal asks of its directory, so that a test
// can record them all and replay what a power cut leaves.
type Medium interface {
	// Create makes a file that was not there, to be written from its beginning.
	Create(name string) (File, error)
	Read(name string) ([]byte, error)
	List() ([]string, error)
	Remove(name string) error
	// SyncDir makes the names in the directory durable.
	SyncDir() error
}

type File interface {
	Write(b []byte) (int, error)
	// Sync makes the bytes and the size durable.
	Sync() error
	Close() error
}

// Directory is the real disk.
type Directory string

func (d Directory) path(name string) string { return filepath.Join(string(d), name) }

func (d Directory) Create(name string) (File, error) {
	f, err := os.OpenFile(d.path(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return appended{f}, nil
}

func (d Directory) Read(name string) ([]byte, error) { return os.ReadFile(d.path(name)) }

func (d Directory) List() (names []string, err error) {
	entries, err := os.ReadDir(string(d))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (d Directory) Remove(name string) error { return os.Remove(d.path(name)) }

func (d Directory) SyncDir() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(System.SyncDir(int(f.Fd())), f.Close())
}

// System are the calls that a file system may refuse.
var System filesystem.Calls

// appended is a file whose sync leaves out what no reader needs, such as times.
type appended struct{ *os.File }

func (f appended) Sync() error { return System.Datasync(int(f.Fd())) }

// roomy is a file that takes room ahead of what is written.
type roomy interface{ reserve(n int64) }

// reserve takes room without changing the file's size. That it cannot is no loss:
// each write takes its own then.
func (f appended) reserve(n int64) {
	_ = System.Allocate(int(f.Fd()), 0, n)
}
