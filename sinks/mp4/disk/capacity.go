package disk

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
)

// ErrNoInodes says that a filesystem takes no further file, whatever room it has.
var ErrNoInodes = errors.New("the filesystem has no inodes left")

// tellsCapacity is what an FS may offer beside its contract.
type tellsCapacity interface {
	Capacity() (filesystem.Capacity, error)
}

// CapacityOf asks a directory's filesystem; ok is false where it does not tell.
func CapacityOf(fsys FS) (has filesystem.Capacity, ok bool) {
	d, ok := fsys.(tellsCapacity)
	if !ok {
		return has, false
	}
	has, err := d.Capacity()
	return has, err == nil
}

// Capacity asks the filesystem.
func (d *Dir) Capacity() (filesystem.Capacity, error) { return filesystem.CapacityOf(d.dir) }

// Explain tells the lack of inodes from that of room: the system has one error for
// both, and what helps against one does not help against the other.
func Explain(fsys FS, err error) error {
	if !errors.Is(err, unix.ENOSPC) {
		return err
	}
	if has, ok := CapacityOf(fsys); ok && has.NoInodes() {
		return fmt.Errorf("%w: %w", ErrNoInodes, err)
	}
	return err
}
