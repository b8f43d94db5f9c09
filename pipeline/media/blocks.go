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

// blocks is the memory of payloads. It is mapped in slabs outside the collector's heap: in the
// heap, media would let it grow to twice its size before each collection, and payloads hold no
// pointers to scan.
//
// Free blocks are reused newest first, because those are still in the CPU caches. The pages of free
// memory beyond the bound are returned to the system while the addresses are kept: an unbacked
// block has no pages. The caller holds the pool's lock.
type blocks struct {
	backed, unbacked [blockSizes][][]byte
	idle             int    // bytes in backed
	used             int    // bytes taken and not yet returned
	slab             []byte // rest of the newest slab
	slabs            *slabs
}

// slabs lists all mapped memory, which is unmapped with the pool.
type slabs struct{ all [][]byte }

func (s *slabs) free() {
	for _, b := range s.all {
		_ = syscall.Munmap(b) // cannot fail: mapped with this length
	}
}

// take returns an empty block of a size, or nil if the system has no memory left.
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
	for len(b.slab) > 0 && len(b.slab) < size { // cut the rest of the slab into smaller blocks
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

// leastKept is the free memory in bytes that is kept even if little is used.
const leastKept = 8 << 20

// put takes a block back. It releases the pages of the block if more memory is free than the bound,
// or than will probably be used soon: memory that a slow disk needed for a while is returned.
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

// releasePages returns the pages of a block to the system.
func releasePages(block []byte) {
	_ = syscall.Madvise(block[:cap(block)], syscall.MADV_DONTNEED) // on failure the pages stay and are reused
}

// own unmaps the slabs once the pool is unreachable. Each chunk refers to its pool.
func (b *blocks) own(p *Pool) {
	b.slabs = &slabs{}
	runtime.AddCleanup(p, (*slabs).free, b.slabs)
}
