package media

import "syscall"

// releasePages returns the pages of a block to the system at once. The block's addresses stay mapped.
func releasePages(block []byte) {
	_ = syscall.Madvise(block[:cap(block)], syscall.MADV_DONTNEED) // on failure the pages stay and are reused
}
