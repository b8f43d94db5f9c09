package disk

// EaseEveryBytes is the growth of a file, in bytes, between two treatments of its page cache: rare
// enough to cost nothing, and small against any memory.
const EaseEveryBytes = 16 << 20

// pageCache is an optional interface of a File. Its methods give advice, which may be omitted
// and may fail.
type pageCache interface {
	// WriteBack starts to write a range to the disk, and does not wait.
	WriteBack(off, n int64)
	// Forget drops the clean pages of a range.
	Forget(off, n int64)
}

// PageCache keeps a growing file from filling the page cache: a recording is written once and
// seldom read, and would displace data that other programs read repeatedly. The newest range
// stays cached for viewers of the growing recording. Its write-back starts at once, so that it
// can be dropped when the next range has been written, and an fsync finds little to write. The
// zero value is ready for an empty file.
type PageCache struct {
	sentBytes      int64 // bytes whose write-back was started
	forgottenBytes int64 // bytes that were dropped
}

// Ease must be called as the file grows, with its size in bytes.
func (p *PageCache) Ease(f File, size int64) {
	c, ok := f.(pageCache)
	if !ok || size-p.sentBytes < EaseEveryBytes {
		return
	}
	c.WriteBack(p.sentBytes, size-p.sentBytes)
	c.Forget(p.forgottenBytes, p.sentBytes-p.forgottenBytes)
	p.forgottenBytes, p.sentBytes = p.sentBytes, size
}

// ForgetCached drops the clean cached pages of a file. After a failed fsync these may differ
// from the disk, and recovery must read the disk.
func ForgetCached(f File) {
	if c, ok := f.(pageCache); ok {
		if size, err := f.Size(); err == nil {
			c.Forget(0, size)
		}
	}
}
