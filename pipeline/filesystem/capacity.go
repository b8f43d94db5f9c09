package filesystem

import "golang.org/x/sys/unix"

// Capacity is what a file system holds and has left for those who are not root.
type Capacity struct {
	TotalBytes             int64 // bytes, with those that only root may use
	UsableBytes, FreeBytes int64 // bytes, as df counts: what only root may use is neither used nor free
	Inodes, FreeInodes     int64 // Inodes is 0 where the file system does not bound them
	ReadOnly               bool
}

// CapacityOf asks the file system of a directory.
func CapacityOf(dir string) (Capacity, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Capacity{}, err
	}
	return capacity(&s), nil
}

func capacity(s *unix.Statfs_t) Capacity {
	block := uint64(s.Bsize) // of 32 bits on some machines
	used, free := int64((s.Blocks-s.Bfree)*block), int64(s.Bavail*block)
	return Capacity{
		TotalBytes: int64(s.Blocks * block), UsableBytes: used + free, FreeBytes: free,
		Inodes: int64(s.Files), FreeInodes: int64(s.Ffree),
		ReadOnly: s.Flags&unix.ST_RDONLY != 0,
	}
}

// UsedBytes returns the bytes that are taken, by whomever.
func (c Capacity) UsedBytes() int64 { return c.UsableBytes - c.FreeBytes }

// NoInodes reports whether no further file can be made.
func (c Capacity) NoInodes() bool { return c.Inodes > 0 && c.FreeInodes == 0 }
