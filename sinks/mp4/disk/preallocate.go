package disk

// Bytes that a growing file allocates at once, ahead of its end: a write into allocated blocks
// costs a third less than one that allocates block by block, and the file is contiguous. A short
// file allocates as much as it holds.
const (
	maxPreallocateBytes = 16 << 20
	minPreallocateBytes = 1 << 20
)

// PreallocateFromBytes is the free space, in bytes, below which nothing is preallocated: on a small or
// full disk, recordings would be deleted in favour of unused blocks.
const PreallocateFromBytes = 1024 * maxPreallocateBytes

// freeSpace is an optional interface of a File.
type freeSpace interface {
	// Free returns the bytes that its filesystem has left for this process.
	Free() (int64, error)
}

// Preallocation allocates blocks ahead of a growing file's end. The zero value is ready for use.
type Preallocation struct {
	askedBytes int64 // end of the last requested range
	taken      bool  // some request succeeded
}

// Take allocates room for the next n bytes behind size, and ahead of them as many bytes as the
// file has of media, within limits. It ignores errors: write(2) allocates by itself or reports
// its own error.
func (p *Preallocation) Take(f File, size, media, n int64) {
	disk, ok := f.(freeSpace)
	if !ok || size+n <= p.askedBytes {
		return
	}
	n += min(max(media, minPreallocateBytes), maxPreallocateBytes)
	p.askedBytes = size + n
	if free, err := disk.Free(); err == nil && free >= PreallocateFromBytes {
		p.taken = f.Allocate(size, n) == nil || p.taken
	}
}

// GiveBack frees the blocks behind the end of the file. After a crash recovery frees them, since
// it truncates each file after its last whole chunk.
func (p *Preallocation) GiveBack(f File, size int64) {
	if p.taken {
		_ = f.Truncate(size)
	}
}
