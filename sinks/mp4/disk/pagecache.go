package disk

// EaseEvery is how many bytes a file grows by between two looks at the page cache:
// rare enough to cost nothing, and small against any memory.
const EaseEvery = 16 << 20

// pageCache is what a File may offer beside its contract: advice, which is never
// wrong to leave out, and whose failure is of no consequence.
type pageCache interface {
	// WriteBack begins to write a stretch to the disk, and waits for nothing.
	WriteBack(off, n int64)
	// Forget lets go of the pages of a stretch that are on the disk.
	Forget(off, n int64)
}

// PageCache keeps a growing file from filling the page cache: a recording is written
// once and seldom read, and what other programs read again and again would have to
// make room for it. The newest stretch stays, for those who watch the recording
// grow; it is sent to the disk, so that it can go when the next one has come and
// a flush never finds much to do. The zero value is ready for an empty file.
type PageCache struct {
	sent      int64 // bytes that were sent to the disk
	forgotten int64 // bytes that were let go of
}

// Ease is called as the file grows, with its size in bytes.
func (p *PageCache) Ease(f File, size int64) {
	c, ok := f.(pageCache)
	if !ok || size-p.sent < EaseEvery {
		return
	}
	c.WriteBack(p.sent, size-p.sent)
	c.Forget(p.forgotten, p.sent-p.forgotten)
	p.forgotten, p.sent = p.sent, size
}

// ForgetCached lets go of what the system remembers of a file and has no need to
// write. After a failed fsync that may be what never reached the disk, and recovery
// must judge what did.
func ForgetCached(f File) {
	if c, ok := f.(pageCache); ok {
		if size, err := f.Size(); err == nil {
			c.Forget(0, size)
		}
	}
}
