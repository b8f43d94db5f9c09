package mp4

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/gospool/spool/sinks/mp4/disk"
)

// faultFS forwards operations to a real directory until one matches, which it then fails.
type faultFS struct {
	disk.FS
	calls int      // number of operations that change the disk, so far
	log   []string // their names
	fault func(n int, op string) error
	under func(disk.FS) disk.FS // wraps the real directory
	torn  bool                  // a failing write leaves half of its bytes behind
}

var errKilled = errors.New("killed here")

// killAt fails the n-th operation and all later ones: for the disk the process died there.
func killAt(n int) func(int, string) error {
	return func(call int, _ string) error {
		if call >= n {
			return errKilled
		}
		return nil
	}
}

// failOnce fails one operation of a kind after skip others of that kind.
func failOnce(op string, skip int, err error) func(int, string) error {
	return func(_ int, got string) error {
		if got != op {
			return nil
		}
		if skip--; skip == -1 {
			return err
		}
		return nil
	}
}

func (f *faultFS) step(op string) error {
	f.calls++
	f.log = append(f.log, op)
	if f.fault == nil {
		return nil
	}
	return f.fault(f.calls, op)
}

func (f *faultFS) Create(name string) (disk.File, error) {
	op := "create"
	if strings.HasPrefix(name, disk.IdentityFile) {
		op = "create identity"
	}
	if err := f.step(op); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(name)
	return f.wrap(file), err
}

func (f *faultFS) Open(name string) (disk.File, error) {
	file, err := f.FS.Open(name)
	return f.wrap(file), err
}

func (f *faultFS) wrap(file disk.File) disk.File {
	if file == nil {
		return nil
	}
	return &faultFile{file, f}
}

func (f *faultFS) Rename(from, to string) error {
	if err := f.step("rename"); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f *faultFS) Remove(name string) error {
	if err := f.step("remove"); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f *faultFS) RemoveDir(name string) error {
	if err := f.step("rmdir"); err != nil {
		return err
	}
	return f.FS.RemoveDir(name)
}

func (f *faultFS) Mkdir(name string) (bool, error) {
	if err := f.step("mkdir"); err != nil {
		return false, err
	}
	return f.FS.Mkdir(name)
}

func (f *faultFS) SyncDir(name string) error {
	if err := f.step("syncdir"); err != nil {
		return err
	}
	return f.FS.SyncDir(name)
}

type faultFile struct {
	disk.File
	fs *faultFS
}

func (f *faultFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.fs.step("write"); err != nil {
		if f.fs.torn {
			_, _ = f.File.WriteAt(b[:len(b)/2], off)
		}
		return 0, err
	}
	return f.File.WriteAt(b, off)
}

func (f *faultFile) WritevAt(bufs [][]byte, off int64) error {
	if err := f.fs.step("writev"); err != nil {
		if f.fs.torn {
			var all []byte
			for _, b := range bufs {
				all = append(all, b...)
			}
			_, _ = f.File.WriteAt(all[:len(all)/2], off)
		}
		return err
	}
	return f.File.WritevAt(bufs, off)
}

func (f *faultFile) Truncate(size int64) error {
	if err := f.fs.step("truncate"); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultFile) Datasync() error {
	if err := f.fs.step("datasync"); err != nil {
		return err
	}
	return f.File.Datasync()
}

func (f *faultFile) Sync() error {
	if err := f.fs.step("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultFile) Punch(off, n int64) error {
	if err := f.fs.step("punch"); err != nil {
		return err
	}
	return f.File.Punch(off, n)
}

// files returns the recordings of a directory, growing ones included.
func files(dir string) (names []string) {
	_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && name != "." && disk.Hidden(d.Name()) {
			return fs.SkipDir
		}
		if err == nil && !d.IsDir() && !disk.Hidden(d.Name()) {
			names = append(names, name)
		}
		return nil
	})
	return names
}
