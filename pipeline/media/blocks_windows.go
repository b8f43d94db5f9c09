package media

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// mapSlab maps size bytes of memory, which are zero.
func mapSlab(size int) ([]byte, error) {
	at, err := windows.VirtualAlloc(0, uintptr(size), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), size), nil
}

// unmapSlab unmaps memory that mapSlab returned.
func unmapSlab(slab []byte) { _ = windows.VirtualFree(addressOf(slab), 0, windows.MEM_RELEASE) }

// releasePages offers the pages of a block to the system, which takes them from the working set first. Their
// content is lost; they stay committed, and the block's addresses stay mapped.
func releasePages(block []byte) {
	const memReset = 0x80000 // MEM_RESET
	_, _ = windows.VirtualAlloc(addressOf(block), uintptr(cap(block)), memReset, windows.PAGE_READWRITE)
}

func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
