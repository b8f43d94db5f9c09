//go:build unix && !linux

package media

import "golang.org/x/sys/unix"

// releasePages offers the pages of a block to the system, which takes them when it runs short of memory: until then
// they count as resident. The block's addresses stay mapped.
func releasePages(block []byte) {
	_ = unix.Madvise(block[:cap(block)], unix.MADV_FREE) // on failure the pages stay and are reused
}
