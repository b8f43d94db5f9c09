package powercut

import (
	"io/fs"

	"github.com/gospool/spool/pipeline/durable"
)

// Files is a Disk as package durable asks of one.
type Files struct{ *Disk }

var _ durable.FS = Files{}

// Create is durable.FS.
func (d Files) Create(name string, _ fs.FileMode) (durable.File, error) {
	f, err := d.Disk.Create(name)
	return plainFile{f}, err
}

// Open is durable.FS.
func (d Files) Open(name string) (durable.File, error) {
	f, err := d.Disk.Open(name)
	return plainFile{f}, err
}

// Read is durable.FS.
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

// ReadOurs is durable.FS: there is one user.
func (d Files) ReadOurs(name string) ([]byte, error) { return d.Read(name) }

// Rename is durable.FS: unlike the disk's own it takes a name that is there.
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

// Mkdir is durable.FS.
func (d Files) Mkdir(name string, _ fs.FileMode) error { return d.Disk.Mkdir(name) }

// List is durable.FS.
func (d Files) List(dir string) ([]fs.DirEntry, error) { return d.ReadDir(dir) }

// SyncFS is durable.FS; nothing in memory needs it.
func (d Files) SyncFS(string) error { return fs.ErrInvalid }

type plainFile struct{ *File }

// Allocate gives the file a size.
func (f plainFile) Allocate(size int64) error { return f.Truncate(size) }
