package disk

import (
	"io/fs"
	"os"

	"github.com/gospool/spool/pipeline/filesystem"
)

// file is an open file. Close releases its lock.
type file struct {
	*os.File
	sys    *filesystem.Calls
	unlock func()
	vector // buffers of WritevAt
}

func (f *file) Close() error {
	err := f.File.Close()
	f.unlock()
	return err
}

func (f *file) Datasync() error {
	return f.failed("fdatasync", f.sys.Datasync(int(f.Fd())))
}

func (f *file) Sync() error { return f.failed("fsync", f.sys.Sync(int(f.Fd()))) }

func (f *file) Allocate(off, n int64) error {
	return f.failed("fallocate", f.sys.Allocate(int(f.Fd()), off, n))
}

func (f *file) Punch(off, n int64) error {
	return f.failed("punch", f.sys.Punch(int(f.Fd()), off, n))
}

func (f *file) failed(op string, err error) error {
	if err != nil {
		return &fs.PathError{Op: op, Path: f.Name(), Err: err}
	}
	return nil
}

// maxBytes is an optional interface of a File: see the function MaxBytes.
type maxBytes interface{ MaxBytes() int64 }

// MaxBytes returns the largest size in bytes that a file may have by its file system and the
// process's limits; ok is false if it is unknown.
func MaxBytes(f File) (n int64, ok bool) {
	t, ok := f.(maxBytes)
	if !ok {
		return 0, false
	}
	return t.MaxBytes(), true
}

// MaxBytes implements the optional interface maxBytes.
func (f *file) MaxBytes() int64 { return filesystem.MaxFileBytes(f.File) }

// Free returns the free bytes of the file system for users other than root. See freeSpace.
func (f *file) Free() (int64, error) { return filesystem.FreeBytes(f.File) }

func (f *file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
