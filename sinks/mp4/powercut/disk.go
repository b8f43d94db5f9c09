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

// Disk is a file system in memory. Names are slash-separated and relative; "." is its root. The
// operations on files and directories, and Note, are safe for concurrent use. Forget, Syncs and
// States must not be called while an operation runs.
type Disk struct {
	mu    sync.Mutex
	names map[string]*inode // files and directories as the tested code sees them now
	log   []event
	first image // durable content before the first event of the log
	syncs int   // number of syncs so far
	// forget is the number of the sync to skip, from 1; 0 skips none.
	forget    int
	forgotten string // description of the skipped sync
	forgotAt  int    // length of the log at the skipped sync
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

// from returns a disk with an empty log and the content of the image m, all of it durable. The
// caller must not use m afterwards.
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

// Forget makes the n-th sync of a file or directory, from 1, return success without making
// anything durable. With it a test proves that the sync is needed.
func (d *Disk) Forget(n int) { d.forget = n }

// Syncs returns the number of syncs so far, and a description of the sync that Forget skipped;
// the description is empty if no sync was skipped yet.
func (d *Disk) Syncs() (n int, forgotten string) { return d.syncs, d.forgotten }

// Note records a value of the test in the log, such as the media that must survive a power cut
// from now on. State.Notes has the values recorded before the cut.
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

// Create creates a file. It returns fs.ErrExist if the name exists, and fs.ErrNotExist if its
// directory does not.
func (d *Disk) Create(name string) (*File, error) { return d.make("create", name, false) }

// Mkdir creates one directory. It returns fs.ErrExist if the name exists, and fs.ErrNotExist if
// the parent does not.
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

// Open opens a file for reading and writing. It returns fs.ErrNotExist if the name does not
// exist.
func (d *Disk) Open(name string) (*File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path.Clean(name)]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &File{d, n, name}, nil
}

// Rename renames a file. It returns fs.ErrExist if the new name exists, and fs.ErrNotExist if
// the old one does not.
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

// Remove removes the name of a file or directory, and does not check that a directory is empty.
// It returns fs.ErrNotExist if the name does not exist. Open files stay usable.
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

// SyncDir makes the names in a directory durable: those that were added, removed or changed
// there. The files' bytes need a Sync of their own.
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

// Stat returns the kind and the size of a file or directory, or fs.ErrNotExist. Its modification
// time is zero.
func (d *Disk) Stat(name string) (fs.FileInfo, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path.Clean(name)]
	if n == nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return info{path.Base(name), n.dir, int64(len(n.data))}, nil
}

// ReadDir returns the entries of a directory, sorted by name. It returns fs.ErrNotExist if the
// directory does not exist.
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

// File is an open file of a Disk. It stays usable when the name of the file is removed or renamed.
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

// Zero overwrites n bytes from an offset on with zeros, as punching a hole does. It does not change
// the file's size.
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

// Allocate logs an allocation of blocks for n bytes from an offset on. It does not change the
// file's size, but after a power cut the allocated bytes may be part of the file.
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

// Sync makes the file's bytes and its size durable.
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

// resize returns b with the given length, as a truncate does: added bytes are zeros.
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

// below reports whether the directory dir contains the path name directly. No directory contains
// the root.
func below(dir, name string) bool { return path.Dir(name) == dir && strings.Trim(name, ".") != "" }
