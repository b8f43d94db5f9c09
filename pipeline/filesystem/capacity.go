package filesystem

import "golang.org/x/sys/unix"

// Capacity describes the size and the free space of a file system, for users other than root.
type Capacity struct {
	TotalBytes int64 // all bytes, including those reserved for root
	// UsableBytes are the used and the free bytes, as df counts them: without the bytes reserved for root.
	UsableBytes, FreeBytes int64
	Inodes, FreeInodes     int64 // Inodes is 0 if the file system does not bound them
	ReadOnly               bool
}

// CapacityOf returns the capacity of the file system that contains a directory.
func CapacityOf(dir string) (Capacity, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Capacity{}, err
	}
	return capacity(&s), nil
}

func capacity(s *unix.Statfs_t) Capacity {
	block := uint64(s.Bsize) // Bsize has 32 bits on some machines
	used, free := int64((s.Blocks-s.Bfree)*block), int64(s.Bavail*block)
	return Capacity{
		TotalBytes: int64(s.Blocks * block), UsableBytes: used + free, FreeBytes: free,
		Inodes: int64(s.Files), FreeInodes: int64(s.Ffree),
		ReadOnly: s.Flags&unix.ST_RDONLY != 0,
	}
}

// UsedBytes returns the bytes in use.
func (c Capacity) UsedBytes() int64 { return c.UsableBytes - c.FreeBytes }

// NoInodes reports whether the file system has no free inode.
func (c Capacity) NoInodes() bool { return c.Inodes > 0 && c.FreeInodes == 0 }
