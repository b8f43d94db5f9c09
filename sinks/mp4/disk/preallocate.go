package disk

// Limits of the bytes that are allocated at once, ahead of the end of a growing file: as many bytes
// as the file has of media, within these limits. A write into allocated blocks takes a third less
// time than a write that allocates block by block, and the file is contiguous on the disk.
const (
	maxPreallocateBytes = 16 << 20
	minPreallocateBytes = 1 << 20
)

// PreallocateFromBytes is the free space that a disk must have for preallocation: on a small or
// nearly full disk, retention would delete recordings in favour of unused blocks.
const PreallocateFromBytes = 1024 * maxPreallocateBytes

// freeSpace is an optional interface of a File. Without it Preallocation allocates nothing.
type freeSpace interface {
	// Free returns the free bytes of the file's file system.
	Free() (int64, error)
}

// Preallocation allocates blocks ahead of a growing file's end. The zero value is ready for use.
type Preallocation struct {
	askedBytes int64 // end of the newest range that Take has handled
	taken      bool  // an allocation succeeded
}

// Take must be called before each write of n bytes at the end of a file. size is the size of the
// file in bytes, and media the number of those bytes that are media. Take allocates blocks for the
// write. Behind the write it allocates as many further bytes as media, but at least
// minPreallocateBytes and at most maxPreallocateBytes. It does nothing if the write lies in the
// range of an earlier call, and allocates nothing on a disk with less than PreallocateFromBytes
// free. It ignores errors: the write itself allocates blocks or fails.
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

// GiveBack frees the allocated blocks behind the end of a finished file, which has size bytes.
// After a crash, recovery frees such blocks, because it truncates the file after its last whole
// chunk.
func (p *Preallocation) GiveBack(f File, size int64) {
	if p.taken {
		_ = f.Truncate(size)
	}
}
