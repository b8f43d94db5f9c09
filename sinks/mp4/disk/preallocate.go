package disk

// How many bytes a growing file takes at once, ahead of what is written: a write into
// room that is there costs a third less than one that has to find it block by block,
// and the file lies in one piece. A short file takes as much as it has.
const (
	preallocateMost  = 16 << 20
	preallocateLeast = 1 << 20
)

// PreallocateFrom is how many bytes a filesystem must have left for it: on a small or
// full disk, room without anything in it would have recordings deleted for it.
const PreallocateFrom = 1024 * preallocateMost

// freeSpace is what a File may offer beside its contract.
type freeSpace interface {
	// Free returns how many bytes its filesystem has left for us.
	Free() (int64, error)
}

// Preallocation takes room on the disk ahead of a growing file's end. The zero value
// is ready for use.
type Preallocation struct {
	asked int64 // up to where it has asked for room
	taken bool  // and has got some
}

// Take takes room for the n bytes that come next behind size, and for some that come
// after them: for as many as media bytes are in the file. That it cannot is no loss:
// write(2) takes its own, or says why not.
func (p *Preallocation) Take(f File, size, media, n int64) {
	disk, ok := f.(freeSpace)
	if !ok || size+n <= p.asked {
		return
	}
	n += min(max(media, preallocateLeast), preallocateMost)
	p.asked = size + n
	if free, err := disk.Free(); err == nil && free >= PreallocateFrom {
		p.taken = f.Allocate(size, n) == nil || p.taken
	}
}

// GiveBack gives back what was taken behind the end of the file. A crash leaves
// it to recovery, which cuts each file off where its last whole chunk ends.
func (p *Preallocation) GiveBack(f File, size int64) {
	if p.taken {
		_ = f.Truncate(size)
	}
}
