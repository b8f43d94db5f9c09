package disk

// EaseEveryBytes is the growth of a file after which PageCache.Ease acts again. It is large enough
// for Ease to cost nothing, and small compared with the memory of any machine.
const EaseEveryBytes = 16 << 20

// pageCache is an optional interface of a File; without it PageCache and ForgetCached do
// nothing. Its methods advise the kernel, which may ignore them.
type pageCache interface {
	// WriteBack starts to write a range to the disk, and does not wait.
	WriteBack(off, n int64)
	// Forget drops the clean pages of a range.
	Forget(off, n int64)
}

// PageCache keeps a growing file from filling the page cache: a recording is written once and
// seldom read, and would displace data that other programs read repeatedly. At least the newest
// EaseEveryBytes stay cached for viewers of the growing recording. Ease starts the write-back of
// these bytes before it drops them at a later call, so that an fsync finds little to write and the
// dropped pages are clean. The zero value is ready for an empty file.
type PageCache struct {
	sentBytes      int64 // bytes whose write-back was started
	forgottenBytes int64 // bytes that were dropped
}

// Ease starts the write-back of the bytes that a file gained since Ease last acted, and drops the
// bytes before them from the page cache. The writer calls Ease after each write, with the file's
// size in bytes. Ease acts only if the file has grown by EaseEveryBytes since it last acted.
func (p *PageCache) Ease(f File, size int64) {
	c, ok := f.(pageCache)
	if !ok || size-p.sentBytes < EaseEveryBytes {
		return
	}
	c.WriteBack(p.sentBytes, size-p.sentBytes)
	c.Forget(p.forgottenBytes, p.sentBytes-p.forgottenBytes)
	p.forgottenBytes, p.sentBytes = p.sentBytes, size
}

// ForgetCached drops the clean cached pages of a file, so that the next read reads the disk.
// Recovery needs that: after a failed fsync the cached pages may differ from the disk.
func ForgetCached(f File) {
	if c, ok := f.(pageCache); ok {
		if size, err := f.Size(); err == nil {
			c.Forget(0, size)
		}
	}
}
