package disk

import (
	"io"
	"io/fs"
)

// FS is every operation that this package asks of a disk, so that a test can
// fail any one of them, or record them all and replay what a power cut leaves.
// Names are slash-separated and relative to the record directory, and nothing
// leads out of it, symbolic links included. A link, a pipe or a device that has the name of
// a file is filesystem.ErrNotBelow.
type FS interface {
	// Create makes a file that was not there and owns it: see Open.
	Create(name string) (File, error)
	// Open opens a file for reading and writing and owns it: while one process
	// does, Open of another fails with ErrOwned.
	Open(name string) (File, error)
	// OpenRead opens a file without owning it.
	OpenRead(name string) (File, error)
	// Rename gives a file another name in its directory, and fails with
	// fs.ErrExist where that name is taken. Where the file system cannot do both in one
	// step, another process may take the name in between.
	Rename(from, to string) error
	Remove(name string) error
	// RemoveDir removes a directory that is empty, and neither a file nor a link.
	RemoveDir(name string) error
	// Mkdir makes one directory; that it is there is no error.
	Mkdir(name string) (made bool, err error)
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	Stat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	// Same reports whether the record directory's path still leads to the
	// directory that was opened.
	Same() (bool, error)
	Close() error
}

// File is one open file. Writes at an offset are complete or return an error;
// what of them is in the file then is not known.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// WritevAt writes the buffers one after another at an offset, in one call
	// to the system where it takes them all. The buffers may be resliced.
	WritevAt(bufs [][]byte, off int64) error
	Truncate(size int64) error
	// Datasync makes the file's bytes and its size durable.
	Datasync() error
	// Sync makes the file durable with everything that is known about it.
	Sync() error
	// Allocate takes room on the disk without changing the file's size.
	// errors.ErrUnsupported: the file system sets none aside.
	Allocate(off, n int64) error
	// Punch gives room back; what was there reads as zeros.
	// errors.ErrUnsupported: the file system gives none back.
	Punch(off, n int64) error
	Size() (int64, error)
}
