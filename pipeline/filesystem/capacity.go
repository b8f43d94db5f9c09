package filesystem

import "golang.org/x/sys/unix"

// Capacity is the size of a file system and its free space for users other than root.
type Capacity struct {
	TotalBytes             int64 // includes the bytes reserved for root
	UsableBytes, FreeBytes int64 // as df counts: bytes reserved for root are neither used nor free
	Inodes, FreeInodes     int64 // Inodes is 0 if the file system does not bound them
	ReadOnly               bool
}

// CapacityOf returns the capacity of the file system of a directory.
func CapacityOf(dir string) (Capacity, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Capacity{}, err
	}
	return capacity(&s), nil
}

func capacity(s *unix.Statfs_t) Capacity {
	block := uint64(s.Bsize) // 32 bits on some machines
	used, free := int64((s.Blocks-s.Bfree)*block), int64(s.Bavail*block)
	return Capacity{
		TotalBytes: int64(s.Blocks * block), UsableBytes: used + free, FreeBytes: free,
		Inodes: int64(s.Files), FreeInodes: int64(s.Ffree),
		ReadOnly: s.Flags&unix.ST_RDONLY != 0,
	}
}

// UsedBytes returns the used bytes.
func (c Capacity) UsedBytes() int64 { return c.UsableBytes - c.FreeBytes }

// NoInodes reports whether the file system has no free inode.
func (c Capacity) NoInodes() bool { return c.Inodes > 0 && c.FreeInodes == 0 }
