package powercut

import (
	"io/fs"

	"github.com/gospool/spool/pipeline/durable"
)

// Files is a Disk with the methods of durable.FS.
type Files struct{ *Disk }

var _ durable.FS = Files{}

// Create implements durable.FS.
func (d Files) Create(name string, _ fs.FileMode) (durable.File, error) {
	f, err := d.Disk.Create(name)
	return plainFile{f}, err
}

// Open implements durable.FS.
func (d Files) Open(name string) (durable.File, error) {
	f, err := d.Disk.Open(name)
	return plainFile{f}, err
}

// Read implements durable.FS.
func (d Files) Read(name string) ([]byte, error) {
	f, err := d.Disk.Open(name)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	b := make([]byte, size)
	if err == nil && size > 0 {
		_, err = f.ReadAt(b, 0)
	}
	return b, err
}

// ReadOurs implements durable.FS. It reads any file: the disk has no users.
func (d Files) ReadOurs(name string) ([]byte, error) { return d.Read(name) }

// Rename implements durable.FS. Unlike Disk.Rename it replaces an existing file.
func (d Files) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[from]
	if n == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	delete(d.names, from)
	d.names[to] = n
	d.add(event{kind: renamed, inode: n.id, from: from, to: to})
	return nil
}

// Mkdir implements durable.FS.
func (d Files) Mkdir(name string, _ fs.FileMode) error { return d.Disk.Mkdir(name) }

// List implements durable.FS.
func (d Files) List(dir string) ([]fs.DirEntry, error) { return d.ReadDir(dir) }

// SyncFS implements durable.FS. It always returns an error, since no test of a Disk needs it.
func (d Files) SyncFS(string) error { return fs.ErrInvalid }

type plainFile struct{ *File }

// Allocate implements durable.File by setting the file's size.
func (f plainFile) Allocate(size int64) error { return f.Truncate(size) }
