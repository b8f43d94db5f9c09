package disk

import (
	"io"
	"io/fs"
)

// FS has every disk operation that recordings use, so that a test can fail any one of them, or
// record all of them and replay the states after a power cut. Names are slash-separated and
// relative to the record directory; no name or symbolic link leads outside. Create, Open and
// OpenRead return an error for a link, a pipe or a device in place of a file:
// filesystem.ErrNotBelow, or fs.ErrExist from Create.
type FS interface {
	// Create creates a file that does not exist and locks it: see Open.
	Create(name string) (File, error)
	// Open opens a file for reading and writing and locks it: while one process holds the
	// lock, Open in another process returns ErrOwned.
	Open(name string) (File, error)
	// OpenRead opens a file without locking it.
	OpenRead(name string) (File, error)
	// Rename renames a file within its directory. It returns fs.ErrExist if the new name
	// exists. On a file system that cannot check and rename atomically, it replaces a file
	// that another process creates between the check and the rename.
	Rename(from, to string) error
	Remove(name string) error
	// RemoveDir removes an empty directory. It returns an error for a file or a link.
	RemoveDir(name string) error
	// Mkdir creates one directory. made is false, without an error, if the directory exists.
	Mkdir(name string) (made bool, err error)
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	Stat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	// Same reports whether the record directory's path still leads to the directory that
	// was opened.
	Same() (bool, error)
	Close() error
}

// File is one open file. A write that is not complete returns an error; the content of the
// range that it should have written is then undefined.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// WritevAt writes the buffers one after another from an offset on, in one system call
	// if possible. It may change the elements of bufs, but not their bytes.
	WritevAt(bufs [][]byte, off int64) error
	Truncate(size int64) error
	// Datasync makes the file's bytes and size durable.
	Datasync() error
	// Sync makes the file's bytes and all its metadata durable.
	Sync() error
	// Allocate allocates blocks without changing the file's size. It returns
	// errors.ErrUnsupported if the file system cannot.
	Allocate(off, n int64) error
	// Punch deallocates blocks, which then read as zeros. It returns
	// errors.ErrUnsupported if the file system cannot.
	Punch(off, n int64) error
	Size() (int64, error)
}
