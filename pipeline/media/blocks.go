package media

import (
	"math/bits"
	"runtime"
)

// The sizes of blocks are powers of two, in bytes.
const (
	minBlockBits = 12
	maxBlockBits = 16
	minBlock     = 1 << minBlockBits
	maxBlock     = 1 << maxBlockBits
	blockSizes   = maxBlockBits - minBlockBits + 1
	slabBytes    = 1 << 20
)

// blocks is the memory for payloads. It is mapped in slabs outside the heap of the garbage collector: on the
// heap, the payloads would let the heap grow to twice their size before each collection, and the collector
// would find no pointers in them.
//
// Free blocks are reused newest first, because those are still in the CPU caches. When the free memory exceeds
// a bound, blocks become unbacked: their pages go back to the system, and their addresses stay reserved for
// reuse. The caller of each method holds the pool's lock.
type blocks struct {
	backed, unbacked [blockSizes][][]byte
	idle             int    // bytes in backed
	used             int    // bytes taken and not yet returned
	slab             []byte // rest of the newest slab
	slabs            *slabs
}

// slabs lists all memory that a pool has mapped. The memory is unmapped once the pool is unreachable.
type slabs struct{ all [][]byte }

func (s *slabs) free() {
	for _, b := range s.all {
		unmapSlab(b)
	}
}

// take returns an empty block with a capacity of size bytes, which must be one of the block sizes. It returns nil
// if the system has no memory left.
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
	slab, err := mapSlab(slabBytes)
	if err != nil {
		return false
	}
	b.slab = slab
	b.slabs.all = append(b.slabs.all, slab)
	return true
}

// leastKept is the size, in bytes, of the free memory that put keeps backed (see blocks) even if little memory
// is used.
const leastKept = 4 << 20

// put gives a block that take returned back to the free memory. The block becomes unbacked (see blocks) if the
// backed free memory would exceed bound bytes, or the larger of leastKept and a quarter of the used memory. So
// memory that was needed only while a disk was slow returns to the system.
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

// own makes the runtime unmap the slabs once p is unreachable. No slab is unmapped too early, because each
// chunk refers to its pool.
func (b *blocks) own(p *Pool) {
	b.slabs = &slabs{}
	runtime.AddCleanup(p, (*slabs).free, b.slabs)
}
