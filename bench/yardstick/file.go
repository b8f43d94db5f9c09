package yardstick

import (
	"errors"

	"github.com/gospool/spool/sinks/mp4/disk"
)

// File is a file that grows at its end. With room ahead, it allocates blocks ahead of its writes as the mp4 stage does,
// with the same code: see disk.Preallocation, also for the disks on which it allocates none. Bare writes and other
// muxers write to it.
type File struct {
	dir       *disk.Dir
	file      disk.File
	ahead     bool
	room      disk.Preallocation
	sizeBytes int64
}

// Create creates a file in dir. The caller closes it.
func Create(dir, name string, ahead bool) (*File, error) {
	d, err := disk.Open(dir)
	if err != nil {
		return nil, err
	}
	f, err := d.Create(name)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &File{dir: d, file: f, ahead: ahead}, nil
}

// Write appends b to the file in one system call.
func (f *File) Write(b []byte) (int, error) {
	if f.ahead {
		f.room.Take(f.file, f.sizeBytes, f.sizeBytes, int64(len(b)))
	}
	n, err := f.file.WriteAt(b, f.sizeBytes)
	f.sizeBytes += int64(n)
	return n, err
}

// Datasync makes the file's bytes and size durable.
func (f *File) Datasync() error { return f.file.Datasync() }

// Sync makes the file's bytes and all its metadata durable.
func (f *File) Sync() error { return f.file.Sync() }

// Close frees the blocks behind the file's end, and closes the file.
func (f *File) Close() error {
	f.room.GiveBack(f.file, f.sizeBytes)
	return errors.Join(f.file.Close(), f.dir.Close())
}
