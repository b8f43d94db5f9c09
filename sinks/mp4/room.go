package mp4

// roomAhead is how much room a growing file takes at once, ahead of what is
// written: a write into room that is there costs a third less than one that has
// to find it block by block, and the file lies in one piece. A short file takes as
// much as it has.
const (
	roomAhead = 16 << 20
	roomLeast = 1 << 20
)

// leastFree is how many times that must be free: on a small or full disk, room
// that nobody has written to yet would have recordings deleted for it.
const leastFree = 1024

// freeSpace is what a File may offer beside its contract.
type freeSpace interface {
	// Free is how many bytes its filesystem has left for us.
	Free() (int64, error)
}

// takeRoom takes room for the n bytes that come next, and for some that come
// after them. That it cannot is no loss: write(2) takes its own, or says why not.
func (f *file) takeRoom(n int64) {
	disk, ok := f.f.(freeSpace)
	if !ok || f.size+n <= f.asked {
		return
	}
	n += min(max(f.size-f.lay.chunks, roomLeast), roomAhead)
	f.asked = f.size + n
	if free, err := disk.Free(); err == nil && free/leastFree >= roomAhead {
		f.taken = f.f.Allocate(f.size, n) == nil || f.taken
	}
}

// giveRoom gives back what was taken behind the end of the file. A crash leaves
// it to recovery, which cuts each file off where its last whole chunk ends.
func (f *file) giveRoom() {
	if f.taken {
		_ = f.f.Truncate(f.size)
	}
}
