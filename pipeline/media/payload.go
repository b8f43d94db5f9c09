package media

import (
	"slices"

	"github.com/gospool/spool/pipeline/crc32c"
)

// Payload holds the bytes of one track in one chunk, in mdat form: NAL units with 4-byte lengths,
// or raw frames, one after another.
//
// The bytes lie in blocks of the pool's memory. So a chunk takes little more memory than it has bytes, and no
// byte moves while the payload grows. Every block but the last is full and its size is a multiple of 4 KiB: if
// the first block begins on a page boundary of a file, so does every other. An access unit may continue in the
// next block.
type Payload struct {
	blocks    [][]byte
	sizeBytes int // sum of the lengths of the blocks

	// sum is the CRC32C of the first summedBytes bytes. add computes it beside copying, where it costs almost nothing.
	// Other ways to make a payload leave it unknown: summedBytes then differs from sizeBytes.
	sum         uint32
	summedBytes int
}

// NewPayload returns a payload of the bytes b, which must be in mdat form. It does not copy b.
func NewPayload(b []byte) Payload {
	if len(b) == 0 {
		return Payload{}
	}
	return Payload{blocks: [][]byte{b}, sizeBytes: len(b)}
}

// Len returns the size in bytes.
func (p *Payload) Len() int { return p.sizeBytes }

// Checksum returns the CRC32C of the bytes; known is false if they have to be read for it.
func (p *Payload) Checksum() (sum uint32, known bool) { return p.sum, p.summedBytes == p.sizeBytes }

// Blocks returns the bytes in order, ready for one writev. They belong to the chunk: the caller must not use
// them after it released the chunk, and must not change them. Only a source that got the chunk from
// Pool.NewChunk writes them, before it calls Seal.
func (p *Payload) Blocks() [][]byte { return p.blocks }

// Slices appends to dst the slices that hold n bytes from the offset from on. It does not copy the bytes.
func (p *Payload) Slices(dst [][]byte, from, n int) [][]byte {
	for _, b := range p.blocks {
		if n == 0 {
			break
		}
		if from >= len(b) {
			from -= len(b)
			continue
		}
		take := min(n, len(b)-from)
		dst = append(dst, b[from:from+take:from+take])
		from, n = 0, n-take
	}
	return dst
}

// From returns the payload without its first n bytes. It shares the memory of p.
func (p *Payload) From(n int) Payload {
	return Payload{blocks: p.Slices(nil, n, p.sizeBytes-n), sizeBytes: p.sizeBytes - n}
}

// Append appends a copy of the bytes to dst and returns the extended slice.
func (p *Payload) Append(dst []byte) []byte {
	for _, b := range p.blocks {
		dst = append(dst, b...)
	}
	return dst
}

// memory returns the capacity of the blocks, in bytes.
func (p *Payload) memory() (n int) {
	for _, b := range p.blocks {
		n += cap(b)
	}
	return n
}

// nextBlock returns the size, in bytes, of block number k of a growing payload. The first blocks are small,
// because a chunk's sound needs no more.
func nextBlock(k int) int { return maxBlock >> max(2-k, 0) }

// add appends a copy of src.
func (p *Payload) add(pool *Pool, src []byte) {
	if p.summedBytes == p.sizeBytes {
		p.summedBytes += len(src)
	}
	p.sizeBytes += len(src)
	for {
		if k := len(p.blocks) - 1; k >= 0 {
			last := p.blocks[k]
			n := min(cap(last)-len(last), len(src))
			p.blocks[k] = last[:len(last)+n]
			p.sum = crc32c.Copy(p.blocks[k][len(last):], src[:n], p.sum) // has no meaning if summedBytes differs
			src = src[n:]
		}
		if len(src) == 0 {
			return
		}
		p.blocks = append(p.blocks, pool.block(nextBlock(len(p.blocks))))
	}
}

// grow sets the size of an empty payload to n bytes with undefined content.
func (p *Payload) grow(pool *Pool, n int) {
	p.sizeBytes = n
	for n > 0 {
		b := pool.block(blockFor(n))
		b = b[:min(n, cap(b))]
		p.blocks = append(p.blocks, b)
		n -= len(b)
	}
}

// cut shortens the payload to its first n bytes and returns the blocks after them, which the caller frees.
func (p *Payload) cut(n int) (rest [][]byte) {
	if n < p.sizeBytes {
		p.summedBytes = -1 // never sizeBytes, however much is added later
	}
	p.sizeBytes = n
	for i, b := range p.blocks {
		if n < len(b) {
			if n > 0 {
				p.blocks[i] = b[:n]
				i++
			}
			rest = slices.Clone(p.blocks[i:])
			clear(p.blocks[i:])
			p.blocks = p.blocks[:i]
			return rest
		}
		n -= len(b)
	}
	return nil
}

// trim moves the bytes of a last block with much unused capacity into smaller blocks. A chunk may stay in a
// queue for long, and the memory of queues is bounded.
func (p *Payload) trim(pool *Pool) {
	k := len(p.blocks) - 1
	if k < 0 {
		return
	}
	last := p.blocks[k]
	if cap(last) == minBlock || len(last) > cap(last)*7/8 {
		return
	}
	p.blocks = p.blocks[:k]
	for rest := last; len(rest) > 0; {
		b := pool.block(blockFor(len(rest)))
		n := min(cap(b), len(rest))
		p.blocks = append(p.blocks, append(b, rest[:n]...))
		rest = rest[n:]
	}
	pool.freeBlocks(last)
}

// blockFor returns the size of the next block for n bytes that remain: the largest size that the bytes fill, or
// the smallest size.
func blockFor(n int) int {
	size := maxBlock
	for size > minBlock && size > n {
		size /= 2
	}
	return size
}

// free returns the blocks from index i on to the pool.
func (p *Payload) free(pool *Pool, i int) {
	pool.freeBlocks(p.blocks[i:]...)
	clear(p.blocks[i:])
	p.blocks = p.blocks[:i]
}
