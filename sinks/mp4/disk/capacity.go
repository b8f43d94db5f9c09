package disk

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/gospool/spool/pipeline/filesystem"
)

// ErrNoInodes reports that a file system has no inodes left for new files, although it may have
// free space.
var ErrNoInodes = errors.New("the filesystem has no inodes left")

// tellsCapacity is an optional interface of an FS: see CapacityOf.
type tellsCapacity interface {
	Capacity() (filesystem.Capacity, error)
}

// CapacityOf returns the size, the free space and the inodes of a directory's file system; ok is
// false if they are unknown.
func CapacityOf(fsys FS) (has filesystem.Capacity, ok bool) {
	d, ok := fsys.(tellsCapacity)
	if !ok {
		return has, false
	}
	has, err := d.Capacity()
	return has, err == nil
}

// Capacity returns the size, the free space and the inodes of the directory's file system.
func (d *Dir) Capacity() (filesystem.Capacity, error) { return filesystem.CapacityOf(d.dir) }

// Explain wraps an ENOSPC error in ErrNoInodes if the file system has no inodes left: the system
// returns ENOSPC for a lack of inodes and of space, but the remedies differ. It returns any other
// error unchanged.
func Explain(fsys FS, err error) error {
	if !filesystem.Is(err, syscall.ENOSPC) {
		return err
	}
	if has, ok := CapacityOf(fsys); ok && has.NoInodes() {
		return fmt.Errorf("%w: %w", ErrNoInodes, err)
	}
	return err
}
