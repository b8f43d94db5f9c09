//go:build unix

package filesystem

import (
	"os"

	"golang.org/x/sys/unix"
)

// CapacityOf returns the capacity of the file system that contains a directory.
func CapacityOf(dir string) (Capacity, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Capacity{}, err
	}
	return capacity(&s), nil
}

// FreeBytes returns the free bytes of the file system of an open file, for users other than root.
func FreeBytes(f *os.File) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return 0, err
	}
	return capacity(&s).FreeBytes, nil
}

// capacity converts the fields, whose types differ among the systems.
func capacity(s *unix.Statfs_t) Capacity {
	const readOnly = 1 // ST_RDONLY of Linux, MNT_RDONLY of BSD
	block := int64(s.Bsize)
	used, free := int64(s.Blocks-s.Bfree)*block, max(int64(s.Bavail), 0)*block // FreeBSD counts below zero
	return Capacity{
		TotalBytes: int64(s.Blocks) * block, UsableBytes: used + free, FreeBytes: free,
		Inodes: int64(s.Files), FreeInodes: int64(s.Ffree),
		ReadOnly: s.Flags&readOnly != 0,
	}
}
