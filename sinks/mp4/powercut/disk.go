package powercut

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Disk is a file system in memory. Names are slash-separated and relative; "." is its root. Its
// methods are safe for concurrent use.
type Disk struct {
	mu    sync.Mutex
	names map[string]*inode // the names that the program sees now, directories included
	log   []event
	first image // the image before the first event of the log
	syncs int
	// forget is the number of the sync that is skipped, from 1; 0: none.
	forget    int
	forgotten string
	forgotAt  int // index in the log
}

// inode is a file or a directory, independent of its names.
type inode struct {
	id   int
	dir  bool
	data []byte
}

// New returns an empty disk.
func New() *Disk {
	return from(image{names: map[string]int{".": 0}, files: map[int][]byte{}, dirs: map[int]bool{0: true}})
}

// from returns the disk after a power cut. It takes ownership of the image.
func from(m image) *Disk {
	d := &Disk{names: map[string]*inode{}, first: m}
	nodes := map[int]*inode{}
	for name, id := range m.names {
		if nodes[id] == nil {
			nodes[id] = &inode{id: id, dir: m.dirs[id], data: bytes.Clone(m.files[id])}
		}
		d.names[name] = nodes[id]
	}
	return d
}

// Forget skips the n-th sync of a file or directory, from 1: it returns success to the program,
// but makes nothing durable.
func (d *Disk) Forget(n int) { d.forget = n }

// Syncs returns the number of syncs, and a description of the one that was skipped.
func (d *Disk) Syncs() (n int, forgotten string) { return d.syncs, d.forgotten }

// Note records a promise that the program has made at this point.
func (d *Disk) Note(promise any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.add(event{kind: noted, note: promise})
}

func (d *Disk) add(e event) { d.log = append(d.log, e) }

func (d *Disk) fresh(dir bool) *inode {
	id := 0
	for _, n := range d.names {
		id = max(id, n.id)
	}
	for _, e := range d.log {
		id = max(id, e.inode)
	}
	return &inode{id: id + 1, dir: dir}
}

// Create creates a file that does not exist.
func (d *Disk) Create(name string) (*File, error) { return d.make("create", name, false) }

// Mkdir creates one directory.
func (d *Disk) Mkdir(name string) error {
	_, err := d.make("mkdir", name, true)
	return err
}

func (d *Disk) make(op, name string, dir bool) (*File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name = path.Clean(name)
	if d.names[name] != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrExist}
	}
	if parent := d.names[path.Dir(name)]; parent == nil || !parent.dir {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	n := d.fresh(dir)
	d.names[name] = n
	d.add(event{kind: linked, inode: n.id, to: name, dir: dir})
	return &File{d, n, name}, nil
}

// Open opens a file for reading and writing.
func (d *Disk) Open(name string) (*File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path.Clean(name)]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &File{d, n, name}, nil
}

// Rename renames a file; the new name must be free.
func (d *Disk) Rename(old, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[old]
	if n == nil {
		return &fs.PathError{Op: "rename", Path: old, Err: fs.ErrNotExist}
	}
	if d.names[name] != nil {
		return &fs.PathError{Op: "rename", Path: name, Err: fs.ErrExist}
	}
	delete(d.names, old)
	d.names[name] = n
	d.add(event{kind: renamed, inode: n.id, from: old, to: name})
	return nil
}

// Remove removes a name.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(d.names, name)
	d.add(event{kind: unlinked, from: name})
	return nil
}

// SyncDir makes the names in a directory durable.
func (d *Disk) SyncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path.Clean(name)]
	if n == nil || !n.dir {
		return &fs.PathError{Op: "fsync", Path: name, Err: fs.ErrNotExist}
	}
	d.sync(event{kind: dirSynced, from: path.Clean(name)}, "fsync of directory "+name)
	return nil
}

func (d *Disk) sync(e event, what string) {
	if d.syncs++; d.syncs == d.forget {
		d.forgotten, d.forgotAt = what, len(d.log)
		return
	}
	d.add(e)
}

// Stat describes a name.
func (d *Disk) Stat(name string) (fs.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path.Clean(name)]
	if n == nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return info{path.Base(name), n.dir, int64(len(n.data))}, nil
}

// ReadDir returns the entries of a directory in order.
func (d *Disk) ReadDir(dir string) (out []fs.DirEntry, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir = path.Clean(dir)
	if n := d.names[dir]; n == nil || !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: fs.ErrNotExist}
	}
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if name != "." && path.Dir(name) == dir {
			n := d.names[name]
			out = append(out, fs.FileInfoToDirEntry(info{path.Base(name), n.dir, int64(len(n.data))}))
		}
	}
	return out, nil
}

// Files returns the bytes of every file, by name; the caller must not change them.
func (d *Disk) Files() map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string][]byte{}
	for name, n := range d.names {
		if !n.dir {
			out[name] = n.data
		}
	}
	return out
}

// File is an open file.
type File struct {
	disk *Disk
	node *inode
	name string
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements io.WriterAt.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.node.data = put(f.node.data, p, off)
	f.disk.add(event{kind: wrote, inode: f.node.id, off: off, data: bytes.Clone(p)})
	return len(p), nil
}

// Zero punches a hole without changing the size.
func (f *File) Zero(off, n int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	end := min(off+n, int64(len(f.node.data)))
	if off < end {
		clear(f.node.data[off:end])
		f.disk.add(event{kind: wrote, inode: f.node.id, off: off, data: make([]byte, end-off)})
	}
	return nil
}

// Allocate allocates blocks behind the end of the file or in it, without changing its size.
func (f *File) Allocate(off, n int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.add(event{kind: allocated, inode: f.node.id, off: off, n: n})
	return nil
}

// Truncate changes the file's size.
func (f *File) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.node.data = resize(f.node.data, size)
	f.disk.add(event{kind: truncated, inode: f.node.id, off: size})
	return nil
}

// Sync makes the bytes and the size durable.
func (f *File) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.disk.sync(event{kind: synced, inode: f.node.id}, "fsync of "+f.name)
	return nil
}

// Size returns the file's size.
func (f *File) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.node.data)), nil
}

// Close does nothing; in particular it makes nothing durable.
func (f *File) Close() error { return nil }

func put(b, p []byte, off int64) []byte {
	b = resize(b, max(int64(len(b)), off+int64(len(p))))
	copy(b[off:], p)
	return b
}

// resize zeros the bytes behind a size that grew, as after a truncate.
func resize(b []byte, size int64) []byte {
	if n := int64(len(b)); n < size {
		return append(b, make([]byte, size-n)...)
	}
	return b[:size:size]
}

type info struct {
	name string
	dir  bool
	size int64
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

// below reports whether a name is directly in a directory.
func below(dir, name string) bool { return path.Dir(name) == dir && strings.Trim(name, ".") != "" }
