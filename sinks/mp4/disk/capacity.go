package disk

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
)

// ErrNoInodes reports that a filesystem has no inodes left, even if it has free space.
var ErrNoInodes = errors.New("the filesystem has no inodes left")

// tellsCapacity is an optional interface of an FS.
type tellsCapacity interface {
	Capacity() (filesystem.Capacity, error)
}

// CapacityOf returns the capacity of a directory's filesystem; ok is false if it is unknown.
func CapacityOf(fsys FS) (has filesystem.Capacity, ok bool) {
	d, ok := fsys.(tellsCapacity)
	if !ok {
		return has, false
	}
	has, err := d.Capacity()
	return has, err == nil
}

// Capacity returns the capacity of the directory's filesystem.
func (d *Dir) Capacity() (filesystem.Capacity, error) { return filesystem.CapacityOf(d.dir) }

// Explain adds ErrNoInodes to an ENOSPC error if the filesystem has no inodes left: the system
// has one error for both, but their remedies differ.
func Explain(fsys FS, err error) error {
	if !errors.Is(err, unix.ENOSPC) {
		return err
	}
	if has, ok := CapacityOf(fsys); ok && has.NoInodes() {
		return fmt.Errorf("%w: %w", ErrNoInodes, err)
	}
	return err
}
