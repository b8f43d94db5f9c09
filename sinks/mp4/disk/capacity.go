package disk

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrNoInodes says that a filesystem takes no further file, whatever room it has.
var ErrNoInodes = errors.New("the filesystem has no inodes left")

// Capacity is what a filesystem holds and has left for those who are not root.
type Capacity struct {
	Total, Free        int64 // bytes
	Inodes, FreeInodes int64 // Inodes is 0 where the filesystem does not bound them
	ReadOnly           bool
}

// NoInodes reports whether no further file can be made.
func (c Capacity) NoInodes() bool { return c.Inodes > 0 && c.FreeInodes == 0 }

// tellsCapacity is what an FS may offer beside its contract.
type tellsCapacity interface{ Capacity() (Capacity, error) }

// CapacityOf asks a directory's filesystem; ok is false where it does not tell.
func CapacityOf(fsys FS) (has Capacity, ok bool) {
	d, ok := fsys.(tellsCapacity)
	if !ok {
		return has, false
	}
	has, err := d.Capacity()
	return has, err == nil
}

// Capacity asks the filesystem.
func (d *Dir) Capacity() (Capacity, error) { return statfs(d.dir) }

func statfs(dir string) (Capacity, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Capacity{}, err
	}
	return Capacity{
		Total: int64(s.Blocks) * s.Bsize, Free: int64(s.Bavail) * s.Bsize,
		Inodes: int64(s.Files), FreeInodes: int64(s.Ffree),
		ReadOnly: s.Flags&unix.ST_RDONLY != 0,
	}, nil
}

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
