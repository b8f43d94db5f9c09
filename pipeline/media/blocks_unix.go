//go:build unix

package media

import "syscall"

// mapSlab maps size bytes of memory, which are zero.
func mapSlab(size int) ([]byte, error) {
	return syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
}

// unmapSlab unmaps memory that mapSlab returned.
func unmapSlab(slab []byte) { _ = syscall.Munmap(slab) } // cannot fail: mapped with this length
