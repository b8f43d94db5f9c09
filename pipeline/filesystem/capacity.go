package filesystem

// Capacity describes the size and the free space of a file system, for users other than root.
type Capacity struct {
	TotalBytes int64 // all bytes, including those reserved for root
	// UsableBytes are the used and the free bytes, as df counts them: without the bytes reserved for root.
	UsableBytes, FreeBytes int64
	Inodes, FreeInodes     int64 // Inodes is 0 if the file system does not bound them
	ReadOnly               bool
}

// UsedBytes returns the bytes in use.
func (c Capacity) UsedBytes() int64 { return c.UsableBytes - c.FreeBytes }

// NoInodes reports whether the file system has no free inode.
func (c Capacity) NoInodes() bool { return c.Inodes > 0 && c.FreeInodes == 0 }
