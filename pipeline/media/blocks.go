package media

import (
	"math/bits"
	"runtime"
	"syscall"
)

// The sizes of blocks are powers of two.
const (
	minBlockBits = 12
	maxBlockBits = 16
	minBlock     = 1 << minBlockBits
	maxBlock     = 1 << maxBlockBits
	blockSizes   = maxBlockBits - minBlockBits + 1
	slabBytes    = 1 << 20
)

// blocks is the memory that payloads lie in. It is asked of the system in slabs,
// beside the collector's heap: media would have the heap grow to twice its size
// before each collection, and there is nothing in it to be scanned.
//
// What is free is used again, newest first, since that is still in the caches.
// Memory beyond the bound goes back to the system, addresses are kept: an
// unbacked block is one whose pages are gone. Its user holds the pool's lock.
type blocks struct {
	backed, unbacked [blockSizes][][]byte
	idle             int    // bytes in backed
	used             int    // bytes that were taken and not put back
	slab             []byte // what is left of the newest one
	slabs            *slabs
}

// slabs is all that was asked of the system; it goes back with the pool.
type slabs struct{ all [][]byte }

func (s *slabs) free() {
	for _, b := range s.all {
		_ = syscall.Munmap(b) // it was mapped with this length
	}
}

// take gives an empty block of a size, nil where the system has none left.
func (b *blocks) take(size int) []byte {
	b.used += size
	k := bits.TrailingZeros(uint(size)) - minBlockBits
	if out := pop(&b.backed[k]); out != nil {
		b.idle -= size
		return out
	}
	if out := pop(&b.unbacked[k]); out != nil {
		return out
	}
	for len(b.slab) > 0 && len(b.slab) < size { // what is left of the slab makes smaller blocks
		b.keep(b.cut(blockFor(len(b.slab))), true)
	}
	if len(b.slab) == 0 && !b.more() {
		return nil
	}
	return b.cut(size)
}

func (b *blocks) cut(size int) []byte {
	out := b.slab[:0:size]
	b.slab = b.slab[size:]
	return out
}

func (b *blocks) more() bool {
	slab, err := syscall.Mmap(-1, 0, slabBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return false
	}
	b.slab = slab
	b.slabs.all = append(b.slabs.all, slab)
	return true
}

// leastKept is what may lie free however little is used.
const leastKept = 8 << 20

// put takes a block back. Its pages go where more lies free than the bound, or
// than is likely to be wanted again soon: after a time in which much waited for a
// slow disk, memory goes back.
func (b *blocks) put(block []byte, bound int) {
	b.used -= cap(block)
	unbacked := b.idle+cap(block) > min(bound, max(leastKept, b.used/4))
	if unbacked {
		releasePages(block)
	}
	b.keep(block, unbacked)
}

func (b *blocks) keep(block []byte, unbacked bool) {
	k := bits.TrailingZeros(uint(cap(block))) - minBlockBits
	if unbacked {
		b.unbacked[k] = append(b.unbacked[k], block[:0])
		return
	}
	b.backed[k] = append(b.backed[k], block[:0])
	b.idle += cap(block)
}

func pop(list *[][]byte) []byte {
	n := len(*list) - 1
	if n < 0 {
		return nil
	}
	out := (*list)[n]
	*list = (*list)[:n]
	return out
}

// releasePages gives the pages of a block back to the system.
func releasePages(block []byte) {
	_ = syscall.Madvise(block[:cap(block)], syscall.MADV_DONTNEED) // else they stay, and are used again
}

// own has the slabs of a pool go with it: chunks hold on to their pool.
func (b *blocks) own(p *Pool) {
	b.slabs = &slabs{}
	runtime.AddCleanup(p, (*slabs).free, b.slabs)
}
