package mp4

// easeEvery is how much a file grows between two looks at the page cache: rare
// enough to cost nothing, and small against any memory.
const easeEvery = 16 << 20

// pageCache is what a File may offer beside its contract: advice, which is never
// wrong to leave out, and whose failure is of no consequence.
type pageCache interface {
	// WriteBack begins to write a stretch to the disk, and waits for nothing.
	WriteBack(off, n int64)
	// Forget lets go of the pages of a stretch that are on the disk.
	Forget(off, n int64)
}

// easeCache keeps a recording from filling the page cache: it is written once
// and seldom read, and what other programs read again and again would have to
// make room for it. The newest stretch stays, for those who watch the recording
// grow; it is sent to the disk, so that it can go when the next one has come and
// a flush never finds much to do. A file that nobody asked to be synced is left
// to the kernel.
func (f *file) easeCache() {
	c, ok := f.f.(pageCache)
	if !ok || f.noSync || f.size-f.eased < easeEvery {
		return
	}
	c.WriteBack(f.eased, f.size-f.eased)
	c.Forget(f.forgotten, f.eased-f.forgotten)
	f.forgotten, f.eased = f.eased, f.size
}
